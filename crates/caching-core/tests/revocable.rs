//! Values that may be withdrawn, such as permissions, are never given stale.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{CacheError, EntryOptions, HybridCache};
use support::invalidations::invalidated;
use support::{MINUTE, Source, configured, pass, settle};

async fn kept() -> HybridCache {
    let cache = configured("defaults.revocable = true");
    let set = cache.set("key", 1_u32).tags(["red"]);
    set.await.unwrap().accept_queued();
    cache
}

/// Nobody is given it, in whatever way they ask.
async fn is_given_to_nobody(cache: &HybridCache) {
    assert!(
        cache
            .get::<_, u32>("key")
            .allow_stale()
            .await
            .unwrap()
            .is_none()
    );
    assert!(cache.get::<_, u32>("key").await.unwrap().is_none());
    let asks = EntryOptions::new().fail_safe(true).allow_stale(true);
    let read = cache.get_or_set("key", Source::open().fails::<u32>());
    let error = read.options(asks).await.unwrap_err();
    assert!(matches!(error, CacheError::Factory { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_revocable_value_is_given_to_nobody_once_its_duration_is_over() {
    let cache = kept().await;
    assert!(cache.get::<_, u32>("key").await.unwrap().is_some());
    pass(5 * MINUTE).await;
    is_given_to_nobody(&cache).await;
}

#[tokio::test(start_paused = true)]
async fn a_revocable_value_that_was_expired_by_whatever_is_given_to_nobody() {
    for how in ["expire", "expire tag", "expire all"] {
        let cache = kept().await;
        invalidated(&cache, how, 0_u32).await.accept_queued();
        is_given_to_nobody(&cache).await;
    }
}

#[tokio::test(start_paused = true)]
async fn callers_wait_for_a_slow_factory_of_a_revocable_value() {
    let (cache, source) = (kept().await, Source::gated());
    pass(5 * MINUTE).await;
    let read = {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move { cache.get_or_set("key", source.gives(2_u32)).await })
    };
    settle().await;
    pass(5 * support::SECOND).await;
    assert!(
        !read.is_finished(),
        "past the soft limit, with nothing that may be given"
    );
    source.let_through().await;
    assert_eq!(*read.await.unwrap().unwrap(), 2);
}

#[test]
fn a_revocable_profile_that_also_asks_for_stale_values_is_refused() {
    for stale in [
        "fail_safe = true",
        "allow_stale = true",
        "serve_stale = '1m'",
    ] {
        let text = format!("[profiles.right]\nrevocable = true\n{stale}");
        let config = toml::from_str(&text).unwrap();
        let error = HybridCache::builder().config(config).build().unwrap_err();
        let message = error.to_string();
        let setting = stale.split(' ').next().unwrap();
        assert!(
            message.contains(&format!("cache.profiles.right.{setting}"))
                && message.contains("revocable"),
            "{message}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_revocable_value_that_was_idle_for_too_long_is_given_to_nobody() {
    let cache = configured("defaults.revocable = true\ndefaults.sliding = '1m'");
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(MINUTE).await;
    is_given_to_nobody(&cache).await;
}
