//! L1 in front of a shared store: what each of the two gives, and what is left when one fails.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::Duration;

use caching_core::{EntryOptions, L2ErrorKind, Level, Limit, Outcome};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{
    BOUND, HEARTBEAT, Truth, fill, lazy, live, moment, pod, pod_with, read, read_behind,
    read_broken, store,
};
use support::{MINUTE, SECOND};

const GONE: L2Fault = L2Fault::Fail(L2ErrorKind::Unavailable);

#[tokio::test(start_paused = true)]
async fn what_l1_lost_comes_from_the_store_and_inherits_the_life_that_is_left() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    live(3 * MINUTE).await;
    let b = pod(&store).await;
    assert_eq!(read(&b, &truth).await, (1, L2_HIT));
    live(2 * MINUTE - 2 * SECOND).await;
    let hit = b.get_or_set("key", truth.load()).options(lazy()).await;
    assert_eq!((*hit.unwrap(), truth.runs()), (1, 1), "not yet over");
    live(2 * SECOND).await;
    truth.commit();
    let (value, outcome) = read(&b, &truth).await;
    assert_eq!(value, 2, "five minutes after it was stored it is over");
    assert!(matches!(
        outcome,
        Outcome::Miss {
            was_stale: true,
            ..
        }
    ));
}

const L2_HIT: Outcome = Outcome::Hit {
    level: Level::L2,
    stale: false,
};

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_on_read_is_a_miss() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a], &truth).await;
    b.l2.set(L2Operation::Read, GONE);
    let (value, outcome) = read(&b, &truth).await;
    assert!(value == 1 && !outcome.is_hit());
    assert_eq!(truth.runs(), 2);
    assert_eq!(b.get::<_, u64>("other").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn where_the_store_fails_and_the_source_too_the_stale_value_of_l1_is_given() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    live(5 * MINUTE).await;
    a.l2.set(L2Operation::Read, GONE);
    let (value, outcome) = read_broken(&a, &truth).await.unwrap();
    assert!(value == 1 && outcome.is_stale());
}

#[tokio::test(start_paused = true)]
async fn a_pod_without_a_value_falls_back_on_the_stale_one_of_the_store() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a], &truth).await;
    live(5 * MINUTE).await;
    let (value, outcome) = read_broken(&b, &truth).await.unwrap();
    assert!(value == 1 && outcome.is_stale());
    live(2 * 60 * MINUTE).await;
    assert_eq!(read_broken(&b, &truth).await, None, "past its retention");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_during_a_factory_fails_no_call_and_l1_has_the_value() {
    for fault in [GONE, L2Fault::LoseAnswer(L2ErrorKind::Timeout)] {
        let (store, truth) = (store(), Truth::new());
        let a = pod(&store).await;
        a.l2.set(L2Operation::Fill, fault);
        let (value, outcome) = read(&a, &truth).await;
        assert_eq!(value, 1);
        assert!(matches!(outcome, Outcome::Miss { stored: true, .. }));
        a.l2.set(L2Operation::Read, GONE);
        assert!(read(&a, &truth).await.1.is_hit());
        assert_eq!(truth.runs(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_store_blocks_no_caller_for_longer_than_its_limits() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a], &truth).await;
    let never = Gate::closed();
    for (operation, limit) in [
        (L2Operation::Read, SECOND),
        (L2Operation::Claim, SECOND),
        (L2Operation::Fill, SECOND),
    ] {
        let key = format!("{operation:?}");
        b.l2.set(operation, L2Fault::Hold(never.clone()));
        let begun = tokio::time::Instant::now();
        b.get_or_set(&key, truth.load()).await.unwrap();
        assert_eq!(begun.elapsed(), limit, "{operation:?}");
        b.l2.heal();
    }
    // While there is something stale to give, a read may take less.
    live(5 * MINUTE).await;
    a.l2.set(L2Operation::Read, L2Fault::Hold(never.clone()));
    let begun = tokio::time::Instant::now();
    read(&a, &truth).await;
    assert_eq!(begun.elapsed(), Duration::from_millis(200));
    a.l2.set(L2Operation::Invalidate, L2Fault::Hold(never.clone()));
    let begun = tokio::time::Instant::now();
    assert!(!a.remove("key").await.unwrap().is_applied());
    assert_eq!(begun.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn after_errors_the_store_is_left_alone_for_the_pause_and_then_probed_by_one_call() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    for operation in [L2Operation::Read, L2Operation::Fill] {
        a.l2.set(operation, GONE);
    }
    let asked = || a.l2.calls(L2Operation::Read) + a.l2.calls(L2Operation::Fill);
    let ask = async |keys: std::ops::Range<u32>| {
        for n in keys {
            a.get_or_set(&format!("{n}"), truth.load()).await.unwrap();
        }
    };
    ask(0..10).await;
    assert_eq!((asked(), truth.runs()), (5, 10), "no call has failed");
    assert!(a.shared_status().unwrap().is_left_alone);
    live(5 * SECOND - SECOND / 10).await;
    ask(10..20).await;
    assert_eq!(asked(), 5, "left alone");
    live(SECOND / 10).await;
    ask(20..30).await;
    assert_eq!(asked(), 6, "one probes");
    // Polls are answered all the while, and what is written is told.
    assert!(a.remove("key").await.unwrap().is_applied());
    a.heal();
    live(5 * SECOND).await;
    ask(30..31).await;
    assert!(!a.shared_status().unwrap().is_left_alone);
    assert_eq!(store.records().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_older_value_of_the_store_never_overwrites_a_newer_one_of_l1() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a], &truth).await;
    let gate = Gate::closed();
    b.l2.next(L2Operation::Read, L2Fault::HoldAnswer(gate.clone()));
    let reading = read_behind(&b, &truth, &Gate::opened());
    gate.arrivals(1).await;
    let newest = truth.commit();
    assert!(b.set("key", newest).await.unwrap().is_applied());
    gate.open();
    let (value, _) = reading.await.unwrap();
    assert!(value <= newest, "it had asked before");
    let hit = Outcome::Hit {
        level: Level::L1,
        stale: false,
    };
    assert_eq!(read(&b, &truth).await, (newest, hit));
}

#[tokio::test(start_paused = true)]
async fn a_local_expire_is_not_undone_by_the_store() {
    for is_told in [true, false] {
        let (store, truth) = (store(), Truth::new());
        let a = pod(&store).await;
        fill(&[&a], &truth).await;
        if !is_told {
            a.l2.set(L2Operation::Invalidate, GONE);
        }
        truth.commit();
        assert_eq!(a.expire("key").await.unwrap().is_applied(), is_told);
        assert_eq!(a.get::<_, u64>("key").await.unwrap(), None);
        assert_eq!(read(&a, &truth).await.0, 2);
        a.heal();
        live(BOUND).await;
        assert_eq!(read(&a, &truth).await.0, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_life_in_l1_shows_a_peers_update_after_it() {
    let short = EntryOptions::new().l1_duration(Limit::After(Duration::from_millis(50)));
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    b.backplane.set(NoticeFault::Drop);
    live(HEARTBEAT).await;
    a.set("key", 1_u64).await.unwrap().accept_queued();
    let value = |b: &support::pods::Pod| {
        let (cache, load) = (b.cache.clone(), truth.fail());
        let options = short.clone();
        async move {
            *cache
                .get_or_set("key", load)
                .options(options)
                .await
                .unwrap()
        }
    };
    b.l2.set(L2Operation::Poll, L2Fault::Hold(Gate::closed()));
    assert_eq!(value(&b).await, 1);
    a.set("key", 2_u64).await.unwrap().accept_queued();
    assert_eq!(value(&b).await, 1, "L1 still has the one of before");
    live(Duration::from_millis(50)).await;
    assert_eq!(value(&b).await, 2, "neither a notice nor a poll has told");
    assert_eq!(b.stats().notices, 0);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_skips_the_store_stays_private() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let set = a.set("key", 7_u64);
    let set = set.options(EntryOptions::new().l2_write(false));
    assert!(set.await.unwrap().is_applied());
    moment().await;
    assert_eq!(store.records(), []);
    assert_eq!(a.get::<_, u64>("key").await.unwrap().as_deref(), Some(&7));
    assert_eq!(read(&b, &truth).await.0, 1, "its own");
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_skips_the_store_neither_reads_nor_fills_it() {
    let toml = "[defaults]\nl2_read = false\nl2_write = false";
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod_with(&store, toml).await);
    fill(&[&a], &truth).await;
    let (_, outcome) = read(&b, &truth).await;
    assert!(!outcome.is_hit());
    for operation in [L2Operation::Read, L2Operation::Claim, L2Operation::Fill] {
        assert_eq!(b.l2.calls(operation), 0);
    }
}

/// A retention of its own for L1, shorter than that of the store.
const BRIEF: &str = "[defaults]\nduration = '1m'\nretention = '1h'\nl1_retention = '10m'";

#[tokio::test(start_paused = true)]
async fn l1_keeps_a_fallback_for_no_longer_than_its_own_retention() {
    for how in ["load", "hit", "set"] {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod_with(&store, BRIEF).await, pod_with(&store, BRIEF).await);
        fill(&[&b], &truth).await;
        match how {
            "load" => assert!(a.remove("key").await.unwrap().is_applied()),
            "set" => assert!(a.set("key", 1_u64).await.unwrap().is_applied()),
            _ => {}
        }
        moment().await;
        assert_eq!(read(&a, &truth).await.0, 1);
        a.l2.set(L2Operation::Read, GONE);
        live(9 * MINUTE).await;
        let (value, outcome) = read_broken(&a, &truth).await.unwrap();
        assert!(value == 1 && outcome.is_stale(), "{how}");
        live(MINUTE).await;
        assert_eq!(
            read_broken(&a, &truth).await,
            None,
            "{how}: L1 has nothing left"
        );
        a.l2.heal();
        live(MINUTE).await;
        let (value, outcome) = read_broken(&a, &truth).await.expect(how);
        assert!(value == 1 && outcome.is_stale(), "{how}: the store has");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retention_of_l1_below_its_duration_is_raised_to_it() {
    let toml = "[defaults]\nduration = '5m'\neager_refresh = 'off'\nl1_retention = '1s'";
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod_with(&store, toml).await, pod_with(&store, toml).await);
    fill(&[&a, &b], &truth).await;
    live(4 * MINUTE).await;
    for pod in [&a, &b] {
        assert!(matches!(
            read(pod, &truth).await.1,
            Outcome::Hit {
                level: Level::L1,
                stale: false
            }
        ));
    }
}
