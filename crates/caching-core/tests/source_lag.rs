//! A source that lags behind its writes, such as a replica: nothing old is given past T + R.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{KeyKind, KeyName, L2ErrorKind};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use support::pods::{BOUND, INVALIDATIONS, Truth, invalidate, live, pod_with, store};
use support::replica::{LAG, LAGGING, Replica, TICK, pod, read, read_behind};
use support::{SECOND, configured};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn what_is_loaded_soon_after_an_invalidation_ends_a_lag_after_it_and_stays_here() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let replica = Replica::new(LAG).await;
    assert_eq!(read(&a, &replica).await.0, 1);
    assert_eq!(store.records().len(), 1, "nothing was invalidated");
    replica.commit();
    let begun = Instant::now();
    assert!(a.remove("key").await.unwrap().is_applied());
    live(SECOND).await;
    for pod in [&a, &b] {
        assert_eq!(
            read(pod, &replica).await.0,
            1,
            "the replica knows no better"
        );
        assert!(read(pod, &replica).await.1.is_hit(), "it is kept");
        assert_eq!(pod.stats().lagging_loads, 1);
    }
    assert_eq!(b.l2.calls(L2Operation::Claim), 0, "nobody waits for it");
    assert_eq!(store.records(), []);
    assert_eq!(replica.runs(), 3);
    live(LAG - begun.elapsed() - TICK).await;
    assert_eq!(read(&a, &replica).await.0, 1);
    live(3 * TICK).await;
    for pod in [&a, &b] {
        assert_eq!(read(pod, &replica).await.0, 2);
    }
    assert_eq!(replica.runs(), 4, "one has loaded, and the other found it");
    live(60 * SECOND).await;
    assert!(read(&b, &replica).await.1.is_hit(), "with its whole life");
}

#[tokio::test(start_paused = true)]
async fn whatever_invalidates_nothing_old_is_given_past_the_bound_and_the_lag() {
    for how in INVALIDATIONS.into_iter().filter(|how| *how != "set") {
        let store = store();
        let (a, b) = (pod(&store).await, pod(&store).await);
        let replica = Replica::new(LAG).await;
        read(&a, &replica).await;
        replica.commit();
        assert!(invalidate(&a, how, &Truth::new()).await.is_applied());
        live(SECOND).await;
        for pod in [&a, &b] {
            assert_eq!(read(pod, &replica).await.0, 1, "{how}");
        }
        live(LAG + BOUND - SECOND + TICK).await;
        for pod in [&a, &b] {
            assert_eq!(read(pod, &replica).await.0, 2, "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_invalidations_the_first_one_counts() {
    for second in ["key", "group"] {
        let store = store();
        let a = pod(&store).await;
        let replica = Replica::new(LAG).await;
        replica.commit();
        let begun = Instant::now();
        a.remove("key").await.unwrap().accept_queued();
        live(LAG - 100 * TICK).await;
        match second {
            "key" => a.remove("key").await.unwrap().accept_queued(),
            _ => a.remove_by_tag("red").await.unwrap().accept_queued(),
        }
        assert_eq!(read(&a, &replica).await.0, 1);
        live(LAG + BOUND + TICK - begun.elapsed()).await;
        assert_eq!(read(&a, &replica).await.0, 2, "{second}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_loads_after_its_start_may_be_older_than_what_it_never_heard_of() {
    let store = store();
    let a = pod(&store).await;
    let replica = Replica::new(LAG).await;
    replica.commit();
    let begun = Instant::now();
    a.remove("key").await.unwrap().accept_queued();
    live(3 * SECOND).await;
    let c = pod_with(&store, LAGGING).await;
    assert_eq!(read(&c, &replica).await.0, 1);
    assert_eq!(store.records(), []);
    live(LAG + BOUND + TICK - begun.elapsed()).await;
    assert_eq!(read(&c, &replica).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_pod_loads_after_a_break_may_be_older_than_what_it_missed() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let replica = Replica::new(LAG).await;
    b.be_deaf();
    replica.commit();
    let begun = Instant::now();
    a.remove("key").await.unwrap().accept_queued();
    store.forget_everything();
    live(3 * SECOND).await;
    b.heal();
    live(SECOND).await;
    assert!(b.stats().breaks > 0);
    assert_eq!(read(&b, &replica).await.0, 1);
    live(LAG + BOUND + TICK - begun.elapsed()).await;
    assert_eq!(read(&b, &replica).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_of_late_may_be_from_long_before() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let replica = Replica::new(LAG).await;
    b.be_deaf();
    replica.commit();
    let begun = Instant::now();
    a.remove("key").await.unwrap().accept_queued();
    live(3 * SECOND).await;
    b.heal();
    live(SECOND).await;
    assert_eq!((b.stats().breaks, b.stats().replays), (0, 1));
    assert_eq!(read(&b, &replica).await.0, 1);
    live(LAG + BOUND + TICK - begun.elapsed()).await;
    assert_eq!(read(&b, &replica).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_knows_and_this_pod_has_yet_to_hear_of_keeps_a_load_out_of_the_store() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let replica = Replica::new(LAG).await;
    b.backplane.set(NoticeFault::Hold);
    b.l2.set(L2Operation::Poll, L2Fault::Hold(Gate::closed()));
    replica.commit();
    let begun = Instant::now();
    a.remove("key").await.unwrap().accept_queued();
    assert_eq!(read(&b, &replica).await.0, 1, "it still has its lease");
    assert_eq!(store.records(), []);
    b.heal();
    live(LAG + BOUND + TICK - begun.elapsed()).await;
    for pod in [&a, &b] {
        assert_eq!(read(pod, &replica).await.0, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_is_queued_counts_from_the_call() {
    let store = store();
    let a = pod(&store).await;
    let replica = Replica::new(LAG).await;
    a.l2.set(
        L2Operation::Invalidate,
        L2Fault::Fail(L2ErrorKind::Unavailable),
    );
    replica.commit();
    assert!(!a.remove("key").await.unwrap().is_applied());
    assert_eq!(read(&a, &replica).await.0, 1);
    live(LAG + BOUND + TICK).await;
    assert_eq!(read(&a, &replica).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn alone_a_load_ends_a_lag_after_the_only_invalidation_and_is_not_kept_after_several() {
    let cache = configured(LAGGING);
    let replica = Replica::new(LAG).await;
    replica.commit();
    cache.remove("key").await.unwrap().accept_queued();
    live(SECOND).await;
    for _ in 0..2 {
        assert_eq!(read(&cache, &replica).await.0, 1);
    }
    assert_eq!(replica.runs(), 1);
    live(LAG - SECOND).await;
    assert_eq!(read(&cache, &replica).await.0, 2);
    replica.commit();
    for _ in 0..2 {
        cache.remove("key").await.unwrap().accept_queued();
    }
    let runs = replica.runs();
    for _ in 0..2 {
        assert_eq!(read(&cache, &replica).await.0, 2);
    }
    assert_eq!(replica.runs(), runs + 2);
    live(LAG).await;
    assert_eq!(read(&cache, &replica).await.0, 3);
    assert!(read(&cache, &replica).await.1.is_hit());
}

#[tokio::test(start_paused = true)]
async fn what_may_be_old_is_no_fallback_after_its_end() {
    let store = store();
    let a = pod(&store).await;
    let replica = Replica::new(LAG).await;
    replica.commit();
    a.remove("key").await.unwrap().accept_queued();
    assert_eq!(read(&a, &replica).await.0, 1);
    live(LAG).await;
    let failed = a.get_or_set("key", Truth::new().fail()).await;
    assert!(failed.is_err(), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_whose_value_may_not_be_kept_leaves_what_is_there() {
    let store = store();
    let toml = "[defaults]\nsource_lag = '5s'\nduration = '100s'";
    let a = pod_with(&store, toml).await;
    let replica = Replica::new(LAG).await;
    assert_eq!(read(&a, &replica).await.0, 1);
    live(85 * SECOND).await;
    for _ in 0..2 {
        a.remove(&neighbour()).await.unwrap().accept_queued();
    }
    let slow = Gate::closed();
    assert!(read_behind(&a, &replica, &slow).await.unwrap().1.is_hit());
    slow.arrivals(1).await;
    live(BOUND + TICK).await;
    slow.open();
    live(TICK).await;
    assert_eq!(a.stats().lagging_loads, 1);
    assert_eq!(a.peek::<_, u64>("key").unwrap().as_deref(), Some(&1));
    assert_eq!(replica.runs(), 2);
}

/// A key that shares the stripe of `key`, and nothing else.
fn neighbour() -> String {
    let name = |text: &str| format!("shared {}:{text}", KeyKind::PLAIN.name());
    let stripe = |text: &str| KeyName::parse(&name(text)).unwrap().stripe();
    let mut others = (0..).map(|n| format!("{n}"));
    others.find(|text| stripe(text) == stripe("key")).unwrap()
}
