//! How long a factory rests after it failed, and what is given meanwhile.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::sync::Arc;

use caching_core::{CacheError, HybridCache, Level, Outcome};
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const STALE: Outcome = Outcome::Hit {
    level: Level::L1,
    stale: true,
};

/// A cache whose key holds a value that has just become stale.
async fn with_stale_value() -> HybridCache {
    let cache = cache();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    cache
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_the_factory_rests_for_the_throttle_and_hits_stay_labelled() {
    let (cache, source) = (with_stale_value().await, Source::open());
    for _ in 0..3 {
        let read = cache
            .get_or_set("key", source.fails::<u32>())
            .detailed()
            .await
            .unwrap();
        assert_eq!(read.outcome, STALE);
    }
    assert_eq!(source.runs(), 1);
    pass(30 * SECOND).await;
    let value = cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
    assert_eq!((*value, source.runs()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn the_factory_rests_whatever_made_the_value_stale() {
    for how in ["expire", "expire tag", "expire all"] {
        let (cache, source) = (cache(), Source::open());
        let set = cache.set("key", 1_u32).tags(["red"]);
        set.await.unwrap().accept_queued();
        match how {
            "expire" => cache.expire("key").await,
            "expire tag" => cache.expire_by_tag("red").await,
            _ => cache.expire_all().await,
        }
        .unwrap()
        .accept_queued();
        for _ in 0..10 {
            let value = cache.get_or_set("key", source.fails::<u32>()).await;
            assert_eq!(*value.unwrap(), 1, "{how}");
        }
        assert_eq!(source.runs(), 1, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_who_come_at_the_same_time_run_a_failing_factory_once() {
    const CALLERS: usize = 16;
    for _ in 0..100 {
        let (cache, source) = (HybridCache::builder().build().unwrap(), Source::open());
        cache.set("key", 1_u32).await.unwrap().accept_queued();
        cache.expire("key").await.unwrap().accept_queued();
        let together = Arc::new(Barrier::new(CALLERS));
        let mut calls = JoinSet::new();
        for _ in 0..CALLERS {
            let (cache, source, together) = (cache.clone(), source.clone(), together.clone());
            calls.spawn(async move {
                together.wait().await;
                cache.get_or_set("key", source.fails::<u32>()).await
            });
        }
        for value in calls.join_all().await {
            assert_eq!(*value.unwrap(), 1);
        }
        assert_eq!(source.runs(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_fail_safe_is_not_given_a_throttled_value() {
    let (cache, source) = (with_stale_value().await, Source::open());
    cache
        .get_or_set("key", source.fails::<u32>())
        .await
        .unwrap();
    let strict = cache
        .get_or_set("key", source.fails::<u32>())
        .fail_safe(false)
        .await;
    assert!(matches!(strict, Err(CacheError::Factory { .. })));
    assert_eq!(source.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_strict_get_is_not_given_a_throttled_value() {
    let (cache, source) = (with_stale_value().await, Source::open());
    cache
        .get_or_set("key", source.fails::<u32>())
        .await
        .unwrap();
    assert_eq!(cache.get::<_, u32>("key").await.unwrap(), None);
    assert_eq!(cache.peek::<_, u32>("key").unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_began_before_an_expire_does_not_make_the_old_value_count_again() {
    let (cache, slow, next) = (with_stale_value().await, Source::gated(), Source::open());
    let caller = {
        let (cache, slow) = (cache.clone(), slow.clone());
        tokio::spawn(async move { cache.get_or_set("key", slow.fails::<u32>()).await })
    };
    settle().await;
    cache.expire("key").await.unwrap().accept_queued();
    slow.let_through().await;
    caller.await.unwrap().unwrap();
    let value = cache.get_or_set("key", next.gives(2_u32)).await.unwrap();
    assert_eq!(
        *value, 2,
        "the factory was throttled by a failure of before"
    );
}

#[tokio::test(start_paused = true)]
async fn a_throttled_fallback_does_not_escape_a_later_purge() {
    let (cache, source) = (cache(), Source::open());
    cache
        .set("key", 1_u32)
        .tags(["red"])
        .await
        .unwrap()
        .accept_queued();
    cache.expire("key").await.unwrap().accept_queued();
    cache
        .get_or_set("key", source.fails::<u32>())
        .await
        .unwrap();
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    assert!(
        cache
            .get_or_set("key", source.fails::<u32>())
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn jitter_lengthens_durations_and_not_the_throttle() {
    let cache = configured("defaults.jitter = '10m'");
    let keys: Vec<_> = (0..20).map(|n| format!("key {n}")).collect();
    let (failing, next) = (Source::open(), Source::open());
    for key in &keys {
        cache.set(key, 1_u32).await.unwrap().accept_queued();
        cache.expire(key).await.unwrap().accept_queued();
        let stale = cache.get_or_set(key, failing.fails::<u32>()).await;
        assert_eq!(*stale.unwrap(), 1);
    }
    let tick = SECOND / 1_000;
    pass(30 * SECOND - tick).await;
    for key in &keys {
        cache.get_or_set(key, next.gives(2_u32)).await.unwrap();
    }
    assert_eq!(next.runs(), 0, "the throttle ended early");
    pass(tick).await;
    for key in &keys {
        cache.get_or_set(key, next.gives(2_u32)).await.unwrap();
    }
    assert_eq!(next.runs(), keys.len(), "the throttle was lengthened");
}
