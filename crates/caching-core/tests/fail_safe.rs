//! Fail-safe: a stale value instead of an error, and always labelled.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{CacheError, HybridCache, Level, Outcome};
use support::{MINUTE, Source, cache, configured, pass};

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
async fn stale_value_is_served_and_labelled_when_the_factory_fails() {
    let (cache, source) = (with_stale_value().await, Source::open());
    let read = cache
        .get_or_set("key", source.fails::<u32>())
        .detailed()
        .await
        .unwrap();
    assert_eq!((*read.value, read.outcome), (1, STALE));
}

#[tokio::test(start_paused = true)]
async fn stale_value_is_served_when_the_factory_panics() {
    let cache = with_stale_value().await;
    let value = cache
        .get_or_set("key", |cx| async move {
            assert!(cx.key().is_empty(), "a bug in a factory");
            Ok::<_, std::io::Error>(2_u32)
        })
        .await
        .unwrap();
    assert_eq!(*value, 1);
}

#[tokio::test(start_paused = true)]
async fn without_fail_safe_the_error_comes_through_with_its_source() {
    let (cache, source) = (configured("defaults.fail_safe = false"), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    let error = cache
        .get_or_set("key", source.fails::<u32>())
        .await
        .unwrap_err();
    let cause = error.factory_error::<std::io::Error>().unwrap();
    assert_eq!(cause.to_string(), "the source is broken");
}

#[tokio::test(start_paused = true)]
async fn a_reason_to_fail_counts_as_an_error() {
    let cache = with_stale_value().await;
    let read = cache
        .get_or_set("key", |cx| async move { Err::<u32, _>(cx.fail("closed")) })
        .detailed()
        .await
        .unwrap();
    assert_eq!(read.outcome, STALE);
}

#[tokio::test(start_paused = true)]
async fn a_good_factory_wins_over_the_stale_value() {
    let (cache, source) = (with_stale_value().await, Source::open());
    let read = cache
        .get_or_set("key", source.gives(2_u32))
        .detailed()
        .await
        .unwrap();
    assert_eq!(*read.value, 2);
    assert_eq!(
        read.outcome,
        Outcome::Miss {
            was_stale: true,
            stored: true,
            collapsed: false
        }
    );
}

#[tokio::test(start_paused = true)]
async fn repeated_failures_serve_stale_until_the_retention_ends() {
    let (cache, source) = (with_stale_value().await, Source::open());
    for _ in 0..23 {
        cache
            .get_or_set("key", source.fails::<u32>())
            .await
            .unwrap();
        pass(5 * MINUTE).await;
    }
    let error = cache.get_or_set("key", source.fails::<u32>()).await;
    assert!(matches!(error, Err(CacheError::Factory { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_read_only_get_gives_stale_only_when_asked_and_changes_nothing() {
    let (cache, source) = (with_stale_value().await, Source::open());
    let strict = cache.get::<_, u32>("key").await.unwrap();
    assert_eq!(strict, None);
    for _ in 0..3 {
        let read = cache.get::<_, u32>("key").allow_stale().detailed().await;
        let read = read.unwrap();
        assert_eq!((read.value.as_deref(), read.outcome), (Some(&1), STALE));
        pass(MINUTE).await;
    }
    let fresh = cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
    assert_eq!(*fresh, 2, "no read made the stale value count as fresh");
}

#[tokio::test(start_paused = true)]
async fn expire_hides_from_strict_reads_and_keeps_the_fallback() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    cache.expire("key").await.unwrap().accept_queued();
    assert_eq!(cache.get::<_, u32>("key").await.unwrap(), None);
    let read = cache
        .get_or_set("key", source.fails::<u32>())
        .detailed()
        .await
        .unwrap();
    assert_eq!((*read.value, read.outcome), (1, STALE));
}

#[tokio::test(start_paused = true)]
async fn remove_leaves_no_fallback() {
    let (cache, source) = (with_stale_value().await, Source::open());
    cache.remove("key").await.unwrap().accept_queued();
    let error = cache.get_or_set("key", source.fails::<u32>()).await;
    assert!(matches!(error, Err(CacheError::Factory { .. })));
    assert!(
        cache
            .get::<_, u32>("key")
            .allow_stale()
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn a_factory_sees_the_stale_value() {
    let cache = with_stale_value().await;
    let value = cache
        .get_or_set("key", |cx| async move {
            let before = cx.stale::<u32>().ok_or("nothing")?;
            Ok::<_, &str>(*before + 1)
        })
        .await
        .unwrap();
    assert_eq!(*value, 2);
}

#[tokio::test(start_paused = true)]
async fn a_stale_answer_is_counted() {
    let (cache, source) = (with_stale_value().await, Source::open());
    cache
        .get_or_set("key", source.fails::<u32>())
        .await
        .unwrap();
    assert_eq!(cache.stats().stale_hits, 1);
}

#[tokio::test(start_paused = true)]
async fn stale_value_is_served_when_the_factory_adds_a_tag_that_cannot_be_used() {
    let cache = with_stale_value().await;
    let read = cache
        .get_or_set("key", |mut cx| async move {
            cx.add_tag("");
            Ok::<_, std::io::Error>(2_u32)
        })
        .detailed()
        .await
        .unwrap();
    assert_eq!((*read.value, read.outcome), (1, STALE));
}
