//! How long an entry counts as fresh.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::Duration;

use caching_core::{EntryOptions, Limit, Outcome};
use support::{MINUTE, SECOND, Source, cache, configured, pass};

#[tokio::test(start_paused = true)]
async fn a_duration_of_zero_stores_nothing_and_drops_what_was_there() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    cache
        .set("key", 2_u32)
        .duration(Duration::ZERO)
        .await
        .unwrap()
        .accept_queued();
    assert_eq!(cache.get::<_, u32>("key").await.unwrap(), None);
    for _ in 0..2 {
        let value = cache
            .get_or_set("key", source.gives(3_u32))
            .duration(Duration::ZERO)
            .detailed()
            .await
            .unwrap();
        assert_eq!(
            value.outcome,
            Outcome::Miss {
                was_stale: false,
                stored: false,
                collapsed: false
            }
        );
    }
    assert_eq!(source.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_duration_of_zero_stores_nothing_whatever_the_jitter() {
    let cache = configured("defaults.jitter = '1m'");
    for n in 0..10_u32 {
        let key = format!("key {n}");
        let set = cache.set(&key, n).duration(Duration::ZERO);
        set.await.unwrap().accept_queued();
    }
    assert_eq!(cache.stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_duration_of_centuries_with_jitter_is_kept() {
    let (cache, source) = (cache(), Source::open());
    let options = EntryOptions::new()
        .duration(Duration::MAX)
        .jitter(Limit::After(Duration::MAX));
    for _ in 0..2 {
        cache
            .get_or_set("key", source.gives(1_u32))
            .options(options.clone())
            .await
            .unwrap();
    }
    assert_eq!(source.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn jitter_spreads_expiries() {
    let cache = configured("defaults.jitter = '1m'");
    for n in 0..100_u32 {
        cache
            .set(&format!("key {n}"), n)
            .await
            .unwrap()
            .accept_queued();
    }
    pass(5 * MINUTE + 30 * SECOND).await;
    let mut left = 0;
    for n in 0..100 {
        left += usize::from(cache.peek::<_, u32>(&format!("key {n}")).unwrap().is_some());
    }
    assert!(
        (10..=90).contains(&left),
        "{left} of 100 left at half the jitter"
    );
    pass(31 * SECOND).await;
    assert_eq!(cache.peek::<_, u32>("key 1").unwrap(), None);
}
