//! Refreshing before the value is stale, behind the callers' backs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::IntoFuture;

use caching_core::{CacheError, EagerRefresh, EntryOptions};
use futures::FutureExt;
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};

#[tokio::test(start_paused = true)]
async fn before_the_threshold_nothing_is_refreshed() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE - SECOND).await;
    cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
    settle().await;
    assert_eq!(source.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_hit_past_the_threshold_gets_the_old_value_and_the_next_the_new() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    let old = cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
    settle().await;
    let new = cache.get_or_set("key", source.gives(3_u32)).await.unwrap();
    assert_eq!((*old, *new, source.runs()), (1, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn many_callers_past_the_threshold_refresh_once() {
    let (cache, source) = (cache(), Source::gated());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    for _ in 0..100 {
        let value = cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
        assert_eq!(*value, 1);
    }
    source.let_through().await;
    assert_eq!(source.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_miss_during_an_eager_refresh_waits_for_it() {
    let (cache, refresh, other) = (cache(), Source::gated(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE - SECOND).await;
    cache.get_or_set("key", refresh.gives(2_u32)).await.unwrap();
    pass(SECOND).await;
    let miss = {
        let (cache, other) = (cache.clone(), other.clone());
        tokio::spawn(async move { cache.get_or_set("key", other.gives(3_u32)).await })
    };
    settle().await;
    refresh.let_through().await;
    assert_eq!(*miss.await.unwrap().unwrap(), 2);
    assert_eq!(other.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_eager_refresh_leaves_the_value_fresh() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    cache
        .get_or_set("key", source.fails::<u32>())
        .await
        .unwrap();
    settle().await;
    let read = cache.get::<_, u32>("key").detailed().await.unwrap();
    assert!(read.outcome.is_hit() && !read.outcome.is_stale());
}

#[tokio::test(start_paused = true)]
async fn switched_off_nothing_is_refreshed_early() {
    let (cache, source) = (configured("defaults.eager_refresh = 'off'"), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE - SECOND).await;
    cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
    settle().await;
    assert_eq!(source.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_whose_key_was_removed_ends_at_once() {
    let (cache, refresh) = (cache(), Source::gated());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    cache.get_or_set("key", refresh.gives(2_u32)).await.unwrap();
    settle().await;
    cache.remove("key").await.unwrap().accept_queued();
    let begun = tokio::time::Instant::now();
    assert!(cache.stop(MINUTE).await);
    assert!(begun.elapsed() < SECOND, "only its hard limit ended it");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_does_not_cancel_the_refresh_it_started() {
    let (cache, source) = (cache(), Source::gated());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    let call = cache.get_or_set("key", source.gives(2_u32)).into_future();
    // Polled once and dropped, before the task of the refresh was polled at all.
    let answer = call.now_or_never();
    assert!(answer.is_some() && source.runs() == 0);
    source.let_through().await;
    assert_eq!(cache.peek::<_, u32>("key").unwrap().as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn switched_off_for_a_call_that_call_refreshes_nothing() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    let off = EntryOptions::new().eager_refresh(EagerRefresh::Off);
    let call = cache.get_or_set("key", source.gives(2_u32)).options(off);
    call.await.unwrap();
    settle().await;
    assert_eq!(source.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_another_type_past_the_threshold_refreshes_nothing() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    let call = cache.get_or_set("key", source.gives(String::new()));
    let error = call.await.unwrap_err();
    assert!(matches!(error, CacheError::TypeMismatch { .. }), "{error}");
    settle().await;
    assert_eq!(source.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_eager_refresh_is_tried_again_after_the_throttle() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    for (runs, rest) in [(1, 29 * SECOND), (1, SECOND), (2, SECOND)] {
        let call = cache.get_or_set("key", source.fails::<u32>());
        assert_eq!(*call.await.unwrap(), 1);
        settle().await;
        assert_eq!(source.runs(), runs);
        pass(rest).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_that_is_none_is_no_reason_to_panic() {
    let (cache, source) = (cache(), Source::open());
    for share in [-0.5, 0.0, 1.0, 7.0, f64::NAN, f64::INFINITY] {
        let options = EntryOptions::new().eager_refresh(EagerRefresh::At(share));
        let set = cache.set("key", 1_u32).options(options.clone());
        set.await.unwrap().accept_queued();
        let call = cache
            .get_or_set("key", source.gives(1_u32))
            .options(options);
        assert_eq!(*call.await.unwrap(), 1, "{share}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_random_refresh_fires_more_often_near_the_end_and_for_slow_factories() {
    /// How many of 1 000 entries are refreshed by a hit so long before their end.
    async fn refreshed(load: std::time::Duration, left: std::time::Duration) -> usize {
        let cache = configured(
            "concurrent_factories = 1000
             defaults.eager_refresh = 'random'
             defaults.factory_soft_limit = 'off'",
        );
        let loads = (0..1_000_u32).map(|n| {
            let cache = cache.clone();
            async move {
                let key = format!("key {n}");
                let read = cache.get_or_set(&key, move |_| async move {
                    tokio::time::sleep(load).await;
                    Ok::<_, std::io::Error>(n)
                });
                read.await.unwrap();
            }
        });
        futures::future::join_all(loads).await;
        pass(5 * MINUTE - left).await;
        let source = Source::gated();
        for n in 0..1_000_u32 {
            let value = cache.get_or_set(&format!("key {n}"), source.gives(0)).await;
            assert_eq!(*value.unwrap(), n, "nobody waits");
        }
        cache.stats().eager_refreshes as usize
    }
    let (quick, slow) = (SECOND / 10, 2 * SECOND);
    assert_eq!(refreshed(quick, MINUTE).await, 0);
    let (far, near) = (
        refreshed(slow, 8 * SECOND).await,
        refreshed(slow, SECOND).await,
    );
    // One in e^4, and one in e^0.5.
    assert!((5..60).contains(&far), "{far}");
    assert!((500..700).contains(&near), "{near}");
    let quick_near = refreshed(quick, SECOND).await;
    assert!(quick_near < 10, "{quick_near}");
}
