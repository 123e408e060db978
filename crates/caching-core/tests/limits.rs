//! How long a factory may take, and what its callers get meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use caching_core::{CacheError, HybridCache, Level, Outcome};
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};

/// A call in a task of its own.
fn call(
    cache: &HybridCache,
    source: &Source,
    value: u32,
) -> tokio::task::JoinHandle<Result<(u32, Outcome), CacheError>> {
    let (cache, source) = (cache.clone(), source.clone());
    tokio::spawn(async move {
        let read = cache
            .get_or_set("key", source.gives(value))
            .detailed()
            .await?;
        Ok((*read.value, read.outcome))
    })
}

async fn with_stale_value(toml: &str) -> HybridCache {
    let cache = configured(toml);
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    cache
}

#[tokio::test(start_paused = true)]
async fn past_the_hard_limit_with_nothing_stale_is_a_timeout_and_frees_the_key() {
    let (cache, never, open) = (cache(), Source::gated(), Source::open());
    let error = call(&cache, &never, 1).await.unwrap().unwrap_err();
    assert!(matches!(error, CacheError::FactoryTimeout { limit, .. } if limit == 10 * SECOND));
    assert_eq!(cache.stats().factory_timeouts, 1);
    let value = cache.get_or_set("key", open.gives(2_u32)).await.unwrap();
    assert_eq!(*value, 2);
}

#[tokio::test(start_paused = true)]
async fn past_the_hard_limit_with_a_stale_value_gives_that() {
    let cache = with_stale_value("defaults.factory_soft_limit = 'off'").await;
    let begun = tokio::time::Instant::now();
    let (value, outcome) = call(&cache, &Source::gated(), 2).await.unwrap().unwrap();
    assert_eq!(value, 1);
    assert!(outcome.is_stale());
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn past_the_soft_limit_callers_get_the_stale_value_and_the_factory_goes_on() {
    let (cache, slow) = (with_stale_value("").await, Source::gated());
    let begun = tokio::time::Instant::now();
    let (value, outcome) = call(&cache, &slow, 2).await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(
        (value, outcome),
        (
            1,
            Outcome::Hit {
                level: Level::L1,
                stale: true
            }
        )
    );
    slow.let_through().await;
    assert_eq!(cache.peek::<_, u32>("key").unwrap().as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn the_soft_limit_does_not_count_where_nothing_is_stale() {
    let (cache, slow) = (cache(), Source::gated());
    let caller = call(&cache, &slow, 1);
    settle().await;
    pass(5 * SECOND).await;
    assert!(!caller.is_finished());
    slow.let_through().await;
    assert_eq!(caller.await.unwrap().unwrap().0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_background_failure_leaves_the_stale_value() {
    let (cache, slow) = (with_stale_value("").await, Source::gated());
    let caller = {
        let (cache, slow) = (cache.clone(), slow.clone());
        tokio::spawn(async move { cache.get_or_set("key", slow.fails::<u32>()).await })
    };
    assert_eq!(*caller.await.unwrap().unwrap(), 1);
    slow.let_through().await;
    let read = cache.get::<_, u32>("key").allow_stale().await.unwrap();
    assert_eq!(read.as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn two_waves_of_callers_during_one_long_background_factory_run_it_once() {
    let cache = with_stale_value("defaults.factory_hard_limit = '1m'").await;
    let slow = Source::gated();
    for wave in 0..2 {
        let callers: Vec<_> = (0..10).map(|_| call(&cache, &slow, 2)).collect();
        for caller in callers {
            assert_eq!(caller.await.unwrap().unwrap().0, 1, "wave {wave}");
        }
    }
    pass(6 * SECOND).await;
    slow.let_through().await;
    assert_eq!(slow.runs(), 1);
    assert_eq!(cache.peek::<_, u32>("key").unwrap().as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_what_a_call_left_running() {
    let (cache, slow) = (with_stale_value("").await, Source::gated());
    call(&cache, &slow, 2).await.unwrap().unwrap();
    let stopping = {
        let cache = cache.clone();
        tokio::spawn(async move { cache.stop(MINUTE).await })
    };
    settle().await;
    assert!(!stopping.is_finished());
    slow.let_through().await;
    assert!(stopping.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn stop_drops_what_still_runs_at_its_deadline_and_tells_those_who_wait() {
    let (cache, never) = (cache(), Source::gated());
    let caller = call(&cache, &never, 1);
    settle().await;
    assert!(!cache.stop(SECOND).await);
    let error = caller.await.unwrap().unwrap_err();
    assert!(matches!(error, CacheError::FactoryAborted { .. }));
}

#[tokio::test(start_paused = true)]
async fn no_more_factories_run_at_once_than_are_allowed_and_nested_ones_wait_for_none() {
    let cache = configured("concurrent_factories = 2");
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let loads: Vec<_> = (0..6)
        .map(|n| {
            let (cache, running, most) = (cache.clone(), running.clone(), most.clone());
            tokio::spawn(async move {
                let (key, inner) = (format!("outer {n}"), cache.clone());
                let load = cache.get_or_set(&key, move |_| async move {
                    most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    // Another key, from inside: with a permit of its own, all would wait for ever.
                    let nested = inner
                        .get_or_set(&format!("inner {n}"), |_| async {
                            tokio::time::sleep(Duration::from_millis(100)).await;
                            Ok::<_, io::Error>(1)
                        })
                        .await;
                    running.fetch_sub(1, Ordering::SeqCst);
                    nested.map(|value| *value)
                });
                load.await.map(|value| *value)
            })
        })
        .collect();
    for load in loads {
        assert_eq!(load.await.unwrap().unwrap(), 1);
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}
