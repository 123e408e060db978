//! Values and listeners with bugs of their own: the cache has an answer, and goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use caching_core::{CacheEvent, CacheKey, HybridCache};
use futures::FutureExt;
use futures::executor::block_on;
use support::pods::{moment, pod, store};
use support::{SECOND, Source, cache, configured};

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_or_never_reads_takes_nobody_along() {
    let cache = cache();
    let (mut panics, mut reads, _sleeps) = (cache.events(), cache.events(), cache.events());
    let panicked = tokio::spawn(async move {
        let event = panics.recv().await;
        assert!(event.is_none(), "a bug in a subscriber");
    });
    cache.remove("key").await.unwrap().accept_queued();
    assert!(panicked.await.unwrap_err().is_panic());
    for _ in 0..2_000 {
        cache.remove("key").await.unwrap().accept_queued();
        assert!(matches!(
            reads.recv().await,
            Some(CacheEvent::Removed { .. })
        ));
    }
}

/// A value whose end is a bug.
struct Bomb;

#[derive(CacheKey)]
#[cache_key(kind = "bomb", value = Bomb, template = "{id}", local)]
struct BombKey {
    id: usize,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a bug in a value");
    }
}

#[test]
fn a_value_that_panics_while_it_is_dropped_leaves_the_cache_usable_and_its_room_bounded() {
    let cache = configured("l1.max_entries = 10");
    let went_off = |work: &dyn Fn()| catch_unwind(AssertUnwindSafe(work)).is_err();
    let mut panics = 0;
    // Replaced, removed and evicted.
    for n in 0..1_000 {
        let key = BombKey { id: n % 100 };
        let set = || {
            block_on(cache.set(&key, Bomb).into_future())
                .unwrap()
                .accept_queued()
        };
        let remove = || block_on(cache.remove(&key)).unwrap().accept_queued();
        panics += usize::from(went_off(&set));
        panics += usize::from(n % 7 == 0 && went_off(&remove));
    }
    assert!(panics > 0, "somebody sees it");
    for n in 0..1_000_u32 {
        let key = n.to_string();
        let set = || {
            block_on(cache.set(&key, n).into_future())
                .unwrap()
                .accept_queued()
        };
        // What is left may still go off here.
        went_off(&set);
        let kept = cache.peek::<_, u32>(&key).unwrap();
        assert_eq!(kept.as_deref(), Some(&n));
    }
    let entries = cache.stats().entries;
    assert!(entries < 200, "{entries}");
}

/// A value that calls the cache when it is dropped.
struct Calls(HybridCache);

#[derive(CacheKey)]
#[cache_key(kind = "calls", value = Calls, template = "{id}", local)]
struct CallsKey {
    id: usize,
}

impl Drop for Calls {
    fn drop(&mut self) {
        let _ = self.0.remove("other").into_future().now_or_never();
    }
}

#[test]
fn a_value_that_was_evicted_and_missed_may_call_the_cache_while_it_is_dropped() {
    let (tell, done) = mpsc::channel();
    // In a thread of its own: one that is stuck would keep the test from ending.
    std::thread::spawn(move || {
        let cache = configured("l1.max_entries = 10");
        let _sleeps = cache.events();
        for id in 0..5_000 {
            let (key, value) = (CallsKey { id }, Calls(cache.clone()));
            block_on(cache.set(&key, value).into_future())
                .unwrap()
                .accept_queued();
        }
        tell.send(()).unwrap();
    });
    assert_eq!(done.recv_timeout(30 * SECOND), Ok(()));
}

/// A value that cannot be written, or not read, as its code has a bug.
struct Mute<const WRITTEN: bool>;

impl<const WRITTEN: bool> serde::Serialize for Mute<WRITTEN> {
    fn serialize<S: serde::Serializer>(&self, ser: S) -> Result<S::Ok, S::Error> {
        assert!(WRITTEN, "a bug in `Serialize`");
        ser.serialize_unit()
    }
}

impl<'de, const WRITTEN: bool> serde::Deserialize<'de> for Mute<WRITTEN> {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        unreachable!("a bug in `Deserialize`")
    }
}

#[derive(CacheKey)]
#[cache_key(kind = "not_written", value = Mute<false>)]
struct NotWrittenKey;

#[derive(CacheKey)]
#[cache_key(kind = "not_read", value = Mute<true>)]
struct NotReadKey;

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_while_it_is_written_stays_in_its_process_and_is_counted() {
    let store = store();
    let a = pod(&store).await;
    let source = Source::open();
    for _ in 0..2 {
        let load = a.get_or_set(&NotWrittenKey, source.gives(Mute));
        load.await.unwrap();
    }
    assert_eq!((source.runs(), a.stats().l2_unshared), (1, 1));
    assert!(a.set(&NotWrittenKey, Mute).await.unwrap().is_applied());
    assert!(a.peek(&NotWrittenKey).unwrap().is_some());
    assert_eq!(store.records(), []);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_while_it_is_read_is_a_counted_miss() {
    let (store, source) = (store(), Source::open());
    let (a, b) = (pod(&store).await, pod(&store).await);
    a.set(&NotReadKey, Mute).await.unwrap().accept_queued();
    moment().await;
    assert!(b.get(&NotReadKey).await.unwrap().is_none());
    let load = b.get_or_set(&NotReadKey, source.gives(Mute));
    load.await.unwrap();
    assert_eq!(source.runs(), 1);
    assert!(b.stats().l2_unreadable >= 1);
}
