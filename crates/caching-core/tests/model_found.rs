//! What random steps have found wrong, each by itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{CacheError, EntryOptions};
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};

#[tokio::test(start_paused = true)]
async fn a_value_that_one_call_made_revocable_is_no_fallback_for_another_that_takes_stale_ones() {
    let (cache, source) = (cache(), Source::open());
    let options = EntryOptions::new().revocable(true);
    let set = cache.set("key", 1_u32).tags(["red"]).options(options);
    set.await.unwrap().accept_queued();
    cache.expire_by_tag("red").await.unwrap().accept_queued();
    let read = cache.get_or_set("key", source.fails::<u32>()).await;
    assert!(matches!(read, Err(CacheError::Factory { .. })), "{read:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_counts_for_the_whole_throttle_however_long_nobody_had_read_it() {
    let cache = configured("defaults.sliding = '10s'\ndefaults.throttle = '30s'");
    let source = Source::open();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(MINUTE).await;
    for _ in 0..2 {
        let read = cache.get_or_set("key", source.fails::<u32>()).await;
        assert_eq!(*read.unwrap(), 1);
        pass(20 * SECOND).await;
    }
    assert_eq!(source.runs(), 1, "the source is left alone for a while");
}

#[tokio::test(start_paused = true)]
async fn a_load_past_l1_that_fails_does_not_bring_the_early_refresh_forward() {
    let cache = configured("defaults.eager_refresh = 'off'\ndefaults.throttle = '30s'");
    let (source, failing) = (Source::open(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    let past_l1 = EntryOptions::new().l1_read(false);
    let read = cache.get_or_set("key", failing.fails::<u32>());
    assert_eq!(*read.options(past_l1).await.unwrap(), 1);
    pass(MINUTE).await;
    let read = cache.get_or_set("key", source.gives(2_u32)).await;
    settle().await;
    assert_eq!((*read.unwrap(), source.runs()), (1, 0));
}
