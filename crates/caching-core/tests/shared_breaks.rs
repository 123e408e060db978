//! What a store can forget, and what a pod then still gives: nothing that it cannot answer for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{Asof, Change, Epoch, MemoryStore, Mode, Notice, Partition, Seq};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{
    BOUND, HEARTBEAT, Pod, Truth, agree, fill, live, moment, pod, read, read_behind, read_broken,
    store,
};

/// What befalls the store, while the first pod has missed what happened before it.
const FORGETS: [&str; 6] = [
    "flushed",
    "control evicted",
    "another server",
    "log trimmed",
    "log with a hole",
    "an older data set",
];

async fn befall(store: &MemoryStore, what: &str, writer: &Pod, truth: &Truth) {
    let snapshot = store.snapshot();
    truth.commit();
    assert!(writer.remove("key").await.unwrap().is_applied());
    assert!(writer.remove("other").await.unwrap().is_applied());
    match what {
        "flushed" => store.forget_everything(),
        "control evicted" => store.evict_control(),
        "another server" => store.replace_server(),
        "log trimmed" => store.trim_log(1),
        "log with a hole" => store.lose_from_log(Seq::new(1)),
        _ => store.restore(&snapshot),
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_the_store_forgets_nothing_old_is_given_after_the_bound() {
    for what in FORGETS {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        a.backplane.set(NoticeFault::Drop);
        befall(&store, what, &b, &truth).await;
        live(BOUND).await;
        agree(&[&a, &b], &truth).await;
        live(BOUND).await;
        agree(&[&a, &b], &truth).await;
        let breaks = a.stats().breaks + b.stats().breaks;
        assert!(breaks >= 1, "{what}: nobody has noticed");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_the_store_forgets_is_noticed_with_the_next_poll() {
    for what in FORGETS {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        a.backplane.set(NoticeFault::Drop);
        befall(&store, what, &b, &truth).await;
        live(HEARTBEAT).await;
        if what == "an older data set" {
            // This pod knows no more than that; the one that does tells the store with its poll.
            live(HEARTBEAT).await;
        }
        assert_eq!(read(&a, &truth).await.0, 2, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_from_before_a_break_is_stored_nowhere() {
    for what in FORGETS {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        let gate = Gate::closed();
        let before = read_behind(&a, &truth, &gate);
        gate.arrivals(1).await;
        a.backplane.set(NoticeFault::Drop);
        befall(&store, what, &b, &truth).await;
        live(BOUND).await;
        gate.open();
        assert_eq!(before.await.unwrap().0, 1, "{what}: its own caller");
        agree(&[&b, &a], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_break_entries_of_before_are_fallbacks_at_most() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    store.forget_everything();
    live(HEARTBEAT).await;
    assert_eq!(a.get::<_, u64>("key").await.unwrap(), None);
    let (value, outcome) = read_broken(&a, &truth).await.unwrap();
    assert!(value == 1 && outcome.is_stale(), "labelled");
    live(BOUND).await;
    truth.commit();
    // The throttle lets the factory rest; a new load then replaces it.
    live(30 * BOUND).await;
    agree(&[&a], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn records_of_an_epoch_that_has_ended_are_misses() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a], &truth).await;
    store.evict_control();
    live(HEARTBEAT).await;
    assert_eq!(store.records().len(), 1, "it still stands there");
    truth.commit();
    let (value, outcome) = read(&b, &truth).await;
    assert!(value == 2 && !outcome.is_hit());
    assert_eq!(b.stats().l2_hits, 0);
}

#[tokio::test(start_paused = true)]
async fn an_epoch_is_adopted_from_a_poll_and_never_from_a_notice() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    let polls = Gate::closed();
    a.l2.set(L2Operation::Poll, L2Fault::Hold(polls.clone()));
    a.backplane.forge(&Notice {
        partition: Partition::new(0),
        at: Asof {
            epoch: Epoch::new(77),
            seq: Seq::new(1_000),
        },
        change: Change::Group {
            group: "*".into(),
            clock: 1_000,
            mode: Mode::Remove,
        },
    });
    moment().await;
    assert!(!a.is_leased(), "nothing is given until the store was asked");
    assert_eq!(a.stats().gaps, 1);
    polls.open();
    a.l2.heal();
    moment().await;
    assert!(a.is_leased());
    let (_, outcome) = read(&a, &truth).await;
    assert!(outcome.is_hit(), "and nothing was lost by the forgery");
    assert_eq!(a.stats().breaks, 0);
}

#[tokio::test(start_paused = true)]
async fn a_gap_ends_the_lease_and_what_is_missing_is_replayed_at_once() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    b.backplane.next(NoticeFault::Drop);
    let polls = Gate::closed();
    b.l2.set(L2Operation::Poll, L2Fault::Hold(polls.clone()));
    truth.commit();
    assert!(a.remove("key").await.unwrap().is_applied());
    assert!(a.remove("other").await.unwrap().is_applied());
    moment().await;
    assert!(!b.is_leased());
    polls.open();
    moment().await;
    assert!(b.is_leased());
    agree(&[&b], &truth).await;
    let stats = b.stats();
    assert_eq!((stats.gaps, stats.replays, stats.breaks), (1, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn more_than_a_page_that_was_missed_is_replayed_in_pages() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    b.be_deaf();
    truth.commit();
    for n in 0..1_300 {
        a.remove(&format!("{n}")).await.unwrap().accept_queued();
    }
    assert!(a.remove("key").await.unwrap().is_applied());
    b.heal();
    live(2 * HEARTBEAT).await;
    agree(&[&b], &truth).await;
    assert_eq!((b.stats().replays, b.stats().breaks), (1_301, 0));
}

#[tokio::test(start_paused = true)]
async fn a_data_set_that_went_back_is_no_hit_for_who_knows_more() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&b], &truth).await;
    let old = store.snapshot();
    truth.commit();
    assert!(a.remove("key").await.unwrap().is_applied());
    // Demoted to the older data set, for as long as one read, and promoted back.
    let new = store.snapshot();
    store.restore(&old);
    let gate = Gate::closed();
    a.l2.next(L2Operation::Read, L2Fault::HoldAnswer(gate.clone()));
    let reading = read_behind(&a, &truth, &Gate::opened());
    gate.arrivals(1).await;
    store.restore(&new);
    gate.open();
    assert_eq!(reading.await.unwrap().0, 2);
    agree(&[&a], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn an_own_invalidation_that_is_answered_of_another_epoch_ends_the_lease() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    a.l2.set(L2Operation::Poll, L2Fault::Hold(Gate::closed()));
    store.forget_everything();
    assert!(a.remove("other").await.unwrap().is_applied());
    assert!(!a.is_leased());
}

#[tokio::test(start_paused = true)]
async fn without_faults_there_is_no_break_no_gap_and_no_lapse() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    for n in 0..300_u64 {
        truth.commit();
        let writer = if n % 2 == 0 { &a } else { &b };
        assert!(writer.remove("key").await.unwrap().is_applied());
        live(BOUND * (n % 3) as u32 + BOUND / 100).await;
        agree(&[&a, &b], &truth).await;
    }
    for pod in [&a, &b] {
        let stats = pod.stats();
        let faults = [stats.breaks, stats.gaps, stats.lapses, stats.failed_polls];
        assert_eq!(faults, [0; 4], "{stats:?}");
    }
}
