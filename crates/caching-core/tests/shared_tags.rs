//! Tags and clearing over several pods: one purge, and every entry of before is hidden everywhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{Batch, FactoryContext, L2ErrorKind};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{
    BOUND, HEARTBEAT, Pod, Truth, agree, fill, invalidate, live, moment, pod, read, read_behind,
    read_broken, store,
};

const PURGES: [&str; 5] = [
    "remove tag",
    "expire tag",
    "clear",
    "expire all",
    "clear all scopes",
];

#[tokio::test(start_paused = true)]
async fn a_pod_that_starts_after_a_purge_does_not_see_what_the_store_holds_from_before() {
    for how in PURGES {
        let (store, truth) = (store(), Truth::new());
        let a = pod(&store).await;
        fill(&[&a], &truth).await;
        truth.commit();
        assert!(invalidate(&a, how, &truth).await.is_applied());
        let b = pod(&store).await;
        assert_eq!(b.get::<_, u64>("key").await.unwrap(), None, "{how}");
        agree(&[&b, &a], &truth).await;
        assert_eq!(truth.runs(), 2, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_starts_after_a_purge_of_another_tag_asks_and_has_its_hit() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    assert!(a.remove_by_tag("blue").await.unwrap().is_applied());
    let b = pod(&store).await;
    assert!(read(&b, &truth).await.1.is_hit());
    assert_eq!((b.l2.calls(L2Operation::Purged), truth.runs()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hit_of_the_store_costs_no_look_up_per_tag() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    assert!(a.remove_by_tag("blue").await.unwrap().is_applied());
    moment().await;
    fill(&[&a], &truth).await;
    assert!(read(&b, &truth).await.1.is_hit());
    assert_eq!(b.l2.calls(L2Operation::Read), 1);
    assert_eq!(b.l2.calls(L2Operation::Purged), 0);
}

#[tokio::test(start_paused = true)]
async fn a_purge_hides_exactly_what_carries_its_tag_on_every_pod() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    for (key, tags) in [
        ("a", vec!["red"]),
        ("b", vec!["red", "blue"]),
        ("c", vec!["blue"]),
        ("d", vec![]),
    ] {
        a.set(key, 1_u64).tags(tags).await.unwrap().accept_queued();
    }
    moment().await;
    for key in ["a", "b", "c", "d"] {
        assert!(b.get::<_, u64>(key).await.unwrap().is_some());
    }
    assert!(b.remove_by_tag("red").await.unwrap().is_applied());
    moment().await;
    let late = pod(&store).await;
    for pod in [&a, &b, &late] {
        for (key, stays) in [("a", false), ("b", false), ("c", true), ("d", true)] {
            let found = pod.get::<_, u64>(key).await.unwrap();
            assert_eq!(found.is_some(), stays, "{key}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_only_the_factory_knew_counts_on_every_pod() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let tagged = |truth: &Truth| {
        let load = truth.load();
        move |mut cx: FactoryContext| {
            cx.add_tag("inner");
            load(cx)
        }
    };
    for pod in [&a, &b] {
        pod.get_or_set("key", tagged(&truth)).await.unwrap();
    }
    assert_eq!(truth.runs(), 1);
    truth.commit();
    assert!(b.remove_by_tag("inner").await.unwrap().is_applied());
    moment().await;
    for pod in [&a, &b] {
        let value = pod.get_or_set("key", tagged(&truth)).await.unwrap();
        assert_eq!(*value, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_during_a_load_of_another_pod_hides_what_it_brings() {
    for how in PURGES {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        let gate = Gate::closed();
        let before = read_behind(&a, &truth, &gate);
        gate.arrivals(1).await;
        truth.commit();
        assert!(invalidate(&b, how, &truth).await.is_applied());
        moment().await;
        gate.open();
        before.await.unwrap();
        let late = pod(&store).await;
        agree(&[&late, &b, &a], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_after_a_purge_is_not_hidden_by_its_late_notice_in_the_store() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    b.backplane.set(NoticeFault::Hold);
    assert!(a.remove_by_tag("red").await.unwrap().is_applied());
    fill(&[&a], &truth).await;
    b.backplane.heal();
    moment().await;
    assert!(read(&b, &truth).await.1.is_hit());
    assert_eq!(truth.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_tag_leaves_the_fallback_of_the_store_and_a_removed_one_does_not() {
    for (how, leaves) in PURGES.into_iter().zip([false, true, false, true, false]) {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a], &truth).await;
        assert!(invalidate(&a, how, &truth).await.is_applied());
        moment().await;
        let late = pod(&store).await;
        for pod in [&a, &b, &late] {
            let fallback = read_broken(pod, &truth).await;
            assert_eq!(fallback.is_some(), leaves, "{how}");
            assert!(fallback.is_none_or(|(_, outcome)| outcome.is_stale()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_purge_is_queued_nothing_of_its_group_is_taken_from_the_store() {
    for how in PURGES {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&b], &truth).await;
        a.l2.set(
            L2Operation::Invalidate,
            L2Fault::Fail(L2ErrorKind::Unavailable),
        );
        truth.commit();
        assert!(!invalidate(&a, how, &truth).await.is_applied());
        let (value, outcome) = read(&a, &truth).await;
        assert_eq!((value, outcome.is_stale()), (2, false), "{how}");
        a.heal();
        live(BOUND).await;
        agree(&[&b, &a], &truth).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_purge_that_was_missed_is_replayed() {
    for how in PURGES {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a, &b], &truth).await;
        b.be_deaf();
        truth.commit();
        assert!(invalidate(&a, how, &truth).await.is_applied());
        live(HEARTBEAT).await;
        b.heal();
        live(HEARTBEAT).await;
        agree(&[&b, &a], &truth).await;
        assert_eq!((b.stats().replays, b.stats().breaks), (1, 0), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_tag_and_another_kind_take_nothing_from_anybody() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    assert!(a.remove_by_tag("unknown").await.unwrap().is_applied());
    let other = caching_core::KeyKind::new("other");
    assert!(a.remove_kind(other).await.unwrap().is_applied());
    moment().await;
    let late = pod(&store).await;
    agree(&[&a, &b, &late], &truth).await;
    assert_eq!(truth.runs(), 1);
}

/// On a pod that knows of the purge, or has to ask: what it leaves in the store is a fallback, and
/// stays one when it is kept in L1.
#[tokio::test(start_paused = true)]
async fn a_fallback_that_the_store_lends_is_never_taken_for_fresh() {
    for how in ["expire", "expire tag", "expire all"] {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a], &truth).await;
        assert!(invalidate(&a, how, &truth).await.is_applied());
        moment().await;
        let late = pod(&store).await;
        for pod in [&b, &late] {
            for _ in 0..2 {
                assert_eq!(pod.get::<_, u64>("key").await.unwrap(), None, "{how}");
            }
            let stale = pod.get::<_, u64>("key").allow_stale().detailed();
            let stale = stale.await.unwrap();
            assert!(stale.value.is_some() && stale.outcome.is_stale(), "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn several_tags_in_one_call_are_heard_by_every_pod_and_no_tags_by_nobody() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    for (key, tag) in [("a", "red"), ("b", "blue"), ("c", "green")] {
        a.set(key, 1_u64).tags([tag]).await.unwrap().accept_queued();
        assert!(b.get::<_, u64>(key).await.unwrap().is_some());
    }
    let here = |pod: &Pod| ["a", "b", "c"].map(|key| pod.peek::<_, u64>(key).unwrap().is_some());
    let told = || (a.l2.calls(L2Operation::Invalidate), a.stats().purges);
    let before = told();
    // Done at once and not queued, though the store is away: there is nothing to tell.
    a.lose_store();
    assert!(a.invalidate(Batch::new()).await.unwrap().is_applied());
    a.heal();
    moment().await;
    assert_eq!((told(), here(&a), here(&b)), (before, [true; 3], [true; 3]));
    let batch = ["red", "blue"]
        .into_iter()
        .fold(Batch::new(), Batch::remove_tag);
    assert!(a.invalidate(batch).await.unwrap().is_applied());
    moment().await;
    assert_eq!(
        (here(&a), here(&b)),
        ([false, false, true], [false, false, true])
    );
}
