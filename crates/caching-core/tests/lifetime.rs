//! How a cache ends, and what it lets go of while it lives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::{IntoFuture, pending};
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use caching_core::{CacheError, CacheKey, HybridCache};
use futures::FutureExt;
use futures::executor::block_on;
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};

#[derive(CacheKey)]
#[cache_key(kind = "held", value = Arc<()>, template = "{id}", local)]
struct HeldKey {
    id: u32,
}

/// A value that removes its key when it is dropped.
struct Leaving(HybridCache);

#[derive(CacheKey)]
#[cache_key(kind = "leaving", value = Leaving, local)]
struct LeavingKey;

impl Drop for Leaving {
    fn drop(&mut self) {
        let _ = self.0.remove(&LeavingKey).into_future().now_or_never();
    }
}

#[tokio::test(start_paused = true)]
async fn after_stop_every_call_is_an_error() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    assert!(cache.stop(SECOND).await);
    let stopped = [
        cache.get::<_, u32>("key").await.err(),
        cache.get_or_set("key", source.gives(1_u32)).await.err(),
        cache.set("key", 1_u32).await.err(),
        cache.remove("key").await.err(),
        cache.clear().await.err(),
    ];
    for error in stopped {
        assert!(matches!(error, Some(CacheError::Stopped)), "{error:?}");
    }
    assert_eq!(source.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_factory_begins_after_stop_for_who_was_waiting_when_it_was_called() {
    let (cache, none, some) = (cache(), Source::gated(), Source::open());
    let optional = {
        let (cache, none) = (cache.clone(), none.clone());
        tokio::spawn(async move {
            let load = cache.get_or_set_optional("key", none.gives(None::<u32>));
            load.await
        })
    };
    settle().await;
    let required = {
        let (cache, some) = (cache.clone(), some.clone());
        tokio::spawn(async move { cache.get_or_set("key", some.gives(1_u32)).await })
    };
    settle().await;
    let stopping = {
        let cache = cache.clone();
        tokio::spawn(async move { cache.stop(MINUTE).await })
    };
    settle().await;
    none.let_through().await;
    assert!(stopping.await.unwrap());
    optional.await.unwrap().unwrap();
    let error = required.await.unwrap().unwrap_err();
    assert!(matches!(error, CacheError::Stopped), "{error}");
    assert_eq!(some.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_went_on_behind_its_caller_ends_with_the_last_handle() {
    let cache = configured("defaults.factory_hard_limit = 'off'");
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    let held = Arc::new(());
    let in_factory = Arc::clone(&held);
    let stale = cache.get_or_set("key", move |_| async move {
        let _in_factory = in_factory;
        pending::<Result<u32, io::Error>>().await
    });
    assert_eq!(*stale.await.unwrap(), 1);
    assert_eq!(Arc::strong_count(&held), 2, "it goes on");
    drop(cache);
    settle().await;
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test(start_paused = true)]
async fn a_removed_value_is_dropped() {
    let (cache, held) = (cache(), Arc::new(()));
    for id in 0..30 {
        let key = HeldKey { id };
        let set = cache.set(&key, Arc::clone(&held));
        set.await.unwrap().accept_queued();
        cache.remove(&key).await.unwrap().accept_queued();
    }
    settle().await;
    assert_eq!(Arc::strong_count(&held), 1, "held by the cache or the test");
}

#[test]
fn a_value_may_call_the_cache_while_it_is_dropped() {
    let (tell, done) = mpsc::channel();
    // In a thread of its own: one that is stuck would keep the test from ending.
    std::thread::spawn(move || {
        let cache = HybridCache::builder().build().unwrap();
        for _ in 0..200 {
            let set = cache.set(&LeavingKey, Leaving(cache.clone()));
            block_on(set.into_future()).unwrap().accept_queued();
        }
        tell.send(()).unwrap();
    });
    assert_eq!(done.recv_timeout(5 * SECOND), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_without_a_deadline_that_a_clock_can_tell_waits_for_what_runs() {
    let cache = configured("defaults.factory_hard_limit = 'off'");
    let slow = Source::gated();
    let load = {
        let (cache, slow) = (cache.clone(), slow.clone());
        tokio::spawn(async move { cache.get_or_set("key", slow.gives(1_u32)).await })
    };
    settle().await;
    let stopping = tokio::spawn(async move { cache.stop(Duration::MAX).await });
    pass(60 * MINUTE).await;
    assert!(!stopping.is_finished());
    slow.let_through().await;
    assert!(stopping.await.unwrap());
    // Whether its caller is given the value is a race with the stop.
    let _ = load.await.unwrap();
}
