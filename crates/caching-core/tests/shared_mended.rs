//! Orders of events that once brought an old value back, or lost an invalidation.
#![allow(clippy::unwrap_used, reason = "a test may end where it fails")]

mod support;

use std::time::Duration;

use caching_core::{
    CacheError, Key, KeyKind, KeyOf, L2ErrorKind, Level, MemoryStore, Outcome, ValueType,
};
use caching_testkit::{Gate, L2Fault, L2Operation};
use support::pods::{
    BOUND, HEARTBEAT, Pod, Truth, fill, live, moment, pod, pod_with, read, read_behind, started,
    store, unstarted,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// A runtime whose time passes when nothing is left to do on it.
fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_break_that_was_answered_before_an_own_purge_does_not_forget_it() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let truth = Truth::new();
    live(Duration::from_millis(600)).await;
    let gate = Gate::closed();
    b.l2.set(L2Operation::Poll, L2Fault::HoldAnswer(gate.clone()));
    store.forget_everything();
    // Its poll has been answered with a new epoch; the answer is on its way.
    live(Duration::from_millis(250)).await;
    fill(&[&a], &truth).await;
    truth.commit();
    assert!(b.remove_by_tag("red").await.unwrap().is_applied());
    b.l2.set(L2Operation::Poll, L2Fault::Pass);
    gate.open();
    moment().await;
    assert_eq!(read(&b, &truth).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn purges_of_another_epoch_say_nothing_of_a_record() {
    let store = store();
    let truth = Truth::new();
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    truth.commit();
    assert!(a.remove_by_tag("red").await.unwrap().is_applied());
    live(Duration::from_secs(5)).await;
    let b = pod(&store).await;
    let gate = Gate::closed();
    b.l2.next(L2Operation::Purged, L2Fault::Hold(gate.clone()));
    let (cache, source) = (b.cache.clone(), truth.clone());
    let reading = tokio::spawn(async move { read(&cache, &source).await });
    b.l2.called(L2Operation::Purged, 1).await;
    store.forget_everything();
    gate.open();
    assert_eq!(reading.await.unwrap().0, 2);
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_was_too_old_to_be_joined_is_still_detached() {
    let store = store();
    let a = pod(&store).await;
    let truth = Truth::new();
    a.lose_store();
    live(Duration::from_secs(3)).await;
    let gate = Gate::closed();
    let old = read_behind(&a, &truth, &gate);
    live(Duration::from_millis(1200)).await;
    let _newer = read_behind(&a, &truth, &Gate::closed());
    moment().await;
    truth.commit();
    assert!(!a.remove("key").await.unwrap().is_applied());
    gate.open();
    let _ = old.await.unwrap();
    // The store is back, and the invalidation takes its time.
    a.heal();
    a.l2.set(L2Operation::Invalidate, L2Fault::Hold(Gate::closed()));
    live(Duration::from_millis(600)).await;
    assert_eq!(a.get::<_, u64>("key").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_bound_below_the_own_heartbeat_is_kept_without_haste() {
    let store = store();
    let _first = pod_with(
        &store,
        "coherence = { heartbeat = '50ms', bound = '150ms' }",
    )
    .await;
    let b = pod(&store).await;
    let before = b.l2.calls(L2Operation::Poll);
    live(Duration::from_secs(1)).await;
    let polls = b.l2.calls(L2Operation::Poll) - before;
    assert!((10..=20).contains(&polls), "{polls} polls in a second");
    assert!(b.shared_status().unwrap().is_current());
}

#[tokio::test(start_paused = true)]
async fn reads_that_fail_keep_no_invalidation_from_being_sent() {
    let store = store();
    let a = pod(&store).await;
    a.l2.set(L2Operation::Read, L2Fault::Fail(L2ErrorKind::Timeout));
    for round in 0..30 {
        for n in 0..6 {
            let key = format!("{round}-{n}");
            assert!(a.get::<str, u64>(&key).await.unwrap().is_none());
        }
        assert!(a.remove("key").await.unwrap().is_applied());
        live(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_is_refused_does_not_hold_up_the_others() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let truth = Truth::new();
    fill(&[&a, &b], &truth).await;
    a.lose_store();
    for n in 0..300 {
        let _ = a.remove(&format!("other {n}")).await.unwrap();
    }
    truth.commit();
    let _ = a.remove("key").await.unwrap();
    a.heal();
    // The first batch is refused for good; what comes after it is not.
    a.l2.next(
        L2Operation::Invalidate,
        L2Fault::Fail(L2ErrorKind::Rejected),
    );
    live(Duration::from_secs(3)).await;
    assert_eq!(read(&b, &truth).await.0, 2);
}

struct Raw(&'static [u8]);

impl Key for Raw {
    fn kind(&self) -> KeyKind {
        const DOCUMENT: KeyKind = KeyKind::new("raw_document");
        DOCUMENT
    }

    fn with_text<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(self.0)
    }
}

impl KeyOf<u64> for Raw {
    fn value_type(&self) -> ValueType {
        ValueType::of::<u64>()
    }
}

#[tokio::test]
async fn a_key_that_other_processes_could_not_name_is_refused() {
    let store = MemoryStore::new();
    let a = pod(&store).await;
    let refused = a
        .get_or_set(&Raw(&[1]), |_| async { Ok::<_, std::io::Error>(1) })
        .await;
    assert!(matches!(refused, Err(CacheError::KeyNotPrintable { .. })));
    let refused = a.remove(&Raw("\u{e9}".as_bytes())).await;
    assert!(matches!(refused, Err(CacheError::KeyNotPrintable { .. })));
    assert!(a.remove(&Raw(b"%01")).await.unwrap().is_applied());
}

#[test]
fn on_a_runtime_without_timers_an_invalidation_is_queued_and_sent_later() {
    let (store, truth) = (store(), Truth::new());
    let main = runtime();
    let (a, b) = main.block_on(async {
        let pods = (pod(&store).await, pod(&store).await);
        fill(&[&pods.0, &pods.1], &truth).await;
        pods
    });
    truth.commit();
    let bare = Builder::new_current_thread().build().unwrap();
    bare.block_on(async {
        assert!(!a.remove("key").await.unwrap().is_applied());
        assert_eq!(a.get::<_, u64>("key").await.unwrap(), None);
    });
    assert_eq!(a.shared_status().unwrap().queued, 1);
    let seen = main.block_on(async {
        live(Duration::from_secs(2)).await;
        read(&b, &truth).await
    });
    assert_eq!(seen.0, 2);
}

#[test]
fn a_driver_on_a_runtime_that_nobody_drives_is_replaced() {
    let (store, truth) = (store(), Truth::new());
    let a = unstarted(&store, "", |builder| builder);
    let first = runtime();
    first.block_on(async { read(&a, &truth).await });
    // From now on nobody drives it, and it is there.
    let second = runtime();
    second.block_on(async {
        live(Duration::from_millis(1_200)).await;
        let begun = Instant::now();
        while !a.shared_status().unwrap().is_current() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is not");
            read(&a, &truth).await;
            live(Duration::from_millis(300)).await;
        }
        let again = read(&a, &truth).await;
        assert!(matches!(again.1, Outcome::Hit { .. }), "{again:?}");
    });
    drop(first);
}

/// A pod whose driver is on a runtime that is there, and that nobody drives any more. It has polled once,
/// or failed to, and has queued an invalidation of `key`.
fn stalled(store: &MemoryStore, polls: bool) -> (Pod, Runtime) {
    let (a, first) = (unstarted(store, "", |builder| builder), runtime());
    first.block_on(async {
        if !polls {
            a.lose_store();
        }
        assert_eq!(a.start(BOUND).await, polls);
        a.lose_store();
        assert!(!a.remove("key").await.unwrap().is_applied());
    });
    a.heal();
    assert_eq!(a.shared_status().unwrap().queued, 1);
    (a, first)
}

/// Does something now and then until what was queued is sent: time begins at another point on every runtime.
async fn sent_by(a: &Pod, mut act: impl AsyncFnMut()) {
    let begun = Instant::now();
    while a.shared_status().unwrap().queued > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it waits");
        live(HEARTBEAT).await;
        act().await;
    }
}

#[test]
fn a_driver_that_stands_still_is_replaced_by_whoever_reads_or_writes_whatever_its_last_poll_came_to()
 {
    for polls in [true, false] {
        for reads in [true, false] {
            let (store, truth) = (store(), Truth::new());
            let (a, _first) = stalled(&store, polls);
            runtime().block_on(sent_by(&a, async || match reads {
                true => drop(read(&a, &truth).await),
                false => assert!(a.remove("other").await.unwrap().is_applied()),
            }));
        }
    }
}

#[test]
fn who_waits_for_a_driver_that_stands_still_gets_what_the_next_one_brings() {
    let (store, truth) = (store(), Truth::new());
    let (a, first) = (unstarted(&store, "", |builder| builder), runtime());
    let (a, _b) = first.block_on(async {
        let a = started(a).await;
        let b = pod(&store).await;
        fill(&[&a, &b], &truth).await;
        live(HEARTBEAT / 2).await;
        // It comes by to hear of this, and polls no more.
        assert!(b.remove("other").await.unwrap().is_applied());
        moment().await;
        (a, b)
    });
    runtime().block_on(async {
        while a.is_leased() {
            live(Duration::from_millis(1)).await;
        }
        // Nor can it be given without a lease any more.
        live(HEARTBEAT / 4).await;
        let begun = Instant::now();
        let read = read(&a, &truth).await;
        let took = begun.elapsed();
        assert_eq!(
            read,
            (
                1,
                Outcome::Hit {
                    level: Level::L1,
                    stale: false
                }
            )
        );
        assert!(!took.is_zero() && took < HEARTBEAT, "{took:?}");
    });
    drop(first);
}
