//! An entry that nobody reads ends early.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{EntryOptions, HybridCache, Limit};
use support::{MINUTE, SECOND, Source, configured, pass};

async fn kept(options: &str) -> HybridCache {
    let cache = configured(options);
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    cache
}

async fn has(cache: &HybridCache) -> bool {
    cache.get::<_, u32>("key").await.unwrap().is_some()
}

#[tokio::test(start_paused = true)]
async fn each_hit_extends_the_life_of_a_sliding_entry_and_its_duration_ends_it_all_the_same() {
    let cache = kept("defaults.sliding = '1m'\ndefaults.duration = '5m'").await;
    for _ in 0..5 {
        pass(MINUTE - SECOND).await;
        assert!(has(&cache).await);
    }
    pass(5 * SECOND).await;
    assert!(
        !has(&cache).await,
        "its duration is over, however often it is read"
    );
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_was_idle_for_too_long_is_stale_and_not_woken_by_a_read() {
    let cache = kept("defaults.sliding = '1m'").await;
    pass(MINUTE).await;
    assert!(!has(&cache).await);
    assert!(!has(&cache).await);
    let source = Source::open();
    let stale = cache
        .get_or_set("key", source.fails::<u32>())
        .detailed()
        .await;
    let stale = stale.unwrap();
    assert_eq!((*stale.value, stale.outcome.is_stale()), (1, true));
    let loaded = cache.remove("key").await;
    loaded.unwrap().accept_queued();
    assert_eq!(
        *cache.get_or_set("key", source.gives(2_u32)).await.unwrap(),
        2
    );
    pass(MINUTE - SECOND).await;
    assert!(has(&cache).await, "what is loaded anew begins anew");
}

#[tokio::test(start_paused = true)]
async fn a_read_of_one_entry_does_not_extend_another() {
    let cache = kept("defaults.sliding = '1m'").await;
    cache.set("other", 2_u32).await.unwrap().accept_queued();
    for _ in 0..2 {
        pass(40 * SECOND).await;
        assert!(cache.get::<_, u32>("other").await.unwrap().is_some());
    }
    assert!(!has(&cache).await);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_make_its_entry_slide() {
    let (cache, source) = (configured(""), Source::open());
    let options = EntryOptions::new().sliding(Limit::After(SECOND));
    let set = cache
        .get_or_set("key", source.gives(1_u32))
        .options(options);
    set.await.unwrap();
    pass(SECOND).await;
    assert!(!has(&cache).await);
}
