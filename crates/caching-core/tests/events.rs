//! What happens in a cache, as those who watch see it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{CacheEvent, EvictionReason};
use support::pods::{moment, pod, store};
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};

/// The next events, as short words.
fn words(events: &mut caching_core::Events) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(event) = events.try_recv() {
        words.push(match event {
            CacheEvent::Hit { key, level, stale } => {
                format!("hit {key} {level:?}{}", if stale { " stale" } else { "" })
            }
            CacheEvent::Miss { key } => format!("miss {key}"),
            CacheEvent::Set { key } => format!("set {key}"),
            CacheEvent::Removed { key } => format!("removed {key}"),
            CacheEvent::Expired { key } => format!("expired {key}"),
            CacheEvent::Purged {
                group,
                keeps_fallback,
            } => {
                format!(
                    "purged {group}{}",
                    if keeps_fallback { " softly" } else { "" }
                )
            }
            CacheEvent::FactoryStarted { .. } => "factory".to_owned(),
            CacheEvent::FactoryEnded {
                took,
                end,
                in_background,
                ..
            } => format!(
                "{end:?} after {} s{}",
                took.as_secs(),
                if in_background { " behind" } else { "" }
            ),
            CacheEvent::EagerRefresh { .. } => "eager".to_owned(),
            CacheEvent::FailSafe { .. } => "fail-safe".to_owned(),
            other => format!("{other:?}"),
        });
    }
    words
}

#[tokio::test(start_paused = true)]
async fn a_miss_its_factory_and_the_hit_after_it_are_told() {
    let (cache, source) = (cache(), Source::open());
    let mut events = cache.events();
    assert!(cache.get::<_, u32>("key").await.unwrap().is_none());
    for _ in 0..2 {
        cache.get_or_set("key", source.gives(1_u32)).await.unwrap();
    }
    cache.get::<_, u32>("key").await.unwrap();
    assert_eq!(
        words(&mut events),
        [
            "miss plain:key",
            "miss plain:key",
            "factory",
            "Answered after 0 s",
            "hit plain:key L1",
            "hit plain:key L1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_set_removed_expired_and_purged_is_told() {
    let cache = cache();
    let mut events = cache.events();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    cache.expire("key").await.unwrap().accept_queued();
    cache.remove("key").await.unwrap().accept_queued();
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    cache.expire_all().await.unwrap().accept_queued();
    assert_eq!(
        words(&mut events),
        [
            "set plain:key",
            "expired plain:key",
            "removed plain:key",
            "purged shared tag:red",
            "purged shared softly",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_fails_or_takes_too_long_is_told_and_what_is_given_in_its_place() {
    let (cache, source) = (cache(), Source::gated());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    let mut events = cache.events();
    let open = Source::open();
    cache.get_or_set("key", open.fails::<u32>()).await.unwrap();
    assert_eq!(
        words(&mut events),
        [
            "miss plain:key",
            "factory",
            "Failed after 0 s",
            "fail-safe",
            "hit plain:key L1 stale",
        ]
    );
    pass(MINUTE).await;
    cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
    // Two of its ten seconds were those of the soft limit.
    pass(8 * SECOND).await;
    assert_eq!(
        words(&mut events),
        [
            "miss plain:key",
            "factory",
            "hit plain:key L1 stale",
            "TimedOut after 10 s behind",
            "fail-safe",
        ]
    );
    assert_eq!(cache.factory_durations().count, 2);
    assert_eq!(cache.factory_durations().quantile(1.0), Some(10 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_nobody_waits_for_any_more_is_told() {
    let (cache, source) = (cache(), Source::gated());
    let mut events = cache.events();
    let read = {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move { cache.get_or_set("key", source.gives(1_u32)).await })
    };
    settle().await;
    pass(3 * SECOND).await;
    read.abort();
    settle().await;
    assert_eq!(
        words(&mut events),
        ["miss plain:key", "factory", "Dropped after 3 s"]
    );
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_is_told_as_one() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    let mut events = cache.events();
    cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
    settle().await;
    assert_eq!(
        words(&mut events),
        [
            "hit plain:key L1",
            "eager",
            "factory",
            "Answered after 0 s behind"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_value_that_had_to_leave_is_handed_over() {
    let cache = configured("l1.max_entries = 10");
    let mut events = cache.events();
    for n in 0..1_000_u32 {
        cache
            .set(&format!("key {n}"), n)
            .await
            .unwrap()
            .accept_queued();
    }
    let mut left = 0;
    while let Some(event) = events.try_recv() {
        if let CacheEvent::Evicted { key, reason, value } = event {
            assert_eq!(reason, EvictionReason::Size);
            let number = value.downcast::<u32>().unwrap();
            assert_eq!(key.text(), format!("key%20{number}"));
            left += 1;
        }
    }
    assert!(left > 100, "{left}");
}

#[tokio::test(start_paused = true)]
async fn who_is_too_slow_is_told_how_much_it_missed_and_holds_nobody_up() {
    let cache = cache();
    let mut events = cache.events();
    for _ in 0..3_000 {
        cache.remove("key").await.unwrap().accept_queued();
    }
    let Some(CacheEvent::Missed { count }) = events.recv().await else {
        panic!("nothing was missed");
    };
    let seen = words(&mut events).len() as u64;
    assert_eq!(count + seen, 3_000);
}

#[tokio::test(start_paused = true)]
async fn events_end_with_the_cache_and_nothing_is_told_to_who_left() {
    let cache = cache();
    let mut events = cache.events();
    drop(cache.events());
    drop(cache);
    assert!(events.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_value_of_the_shared_store_is_told_as_a_hit_there() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    a.set("key", 1_u32).await.unwrap().accept_queued();
    moment().await;
    let mut events = b.events();
    for _ in 0..2 {
        let read = b.get_or_set("key", Source::open().gives(0_u32));
        assert_eq!(*read.await.unwrap(), 1);
    }
    assert_eq!(words(&mut events), ["hit plain:key L2", "hit plain:key L1"]);
}
