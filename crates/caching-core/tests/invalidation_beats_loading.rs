//! The rules that every flow keeps: invalidation beats loading, and nobody joins the past.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{CacheError, HybridCache, Outcome};
use support::invalidations::{INVALIDATIONS, invalidated};
use support::{MINUTE, Source, cache, pass, settle};
use tokio::task::JoinHandle;

type Read = JoinHandle<Result<(u32, Outcome), CacheError>>;

/// A read of `key`, which carries the tag `red`, in a task of its own.
fn read(cache: &HybridCache, source: &Source, value: u32) -> Read {
    let (cache, source) = (cache.clone(), source.clone());
    tokio::spawn(async move {
        let read = cache
            .get_or_set("key", source.gives(value))
            .tags(|| ["red"])
            .detailed()
            .await?;
        Ok((*read.value, read.outcome))
    })
}

async fn invalidate(cache: &HybridCache, how: &str) {
    invalidated(cache, how, 9_u32).await.accept_queued();
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beats_a_load_that_began_before_it() {
    for how in INVALIDATIONS {
        let (cache, old, new) = (cache(), Source::gated(), Source::open());
        let before = read(&cache, &old, 1);
        settle().await;
        invalidate(&cache, how).await;
        old.let_through().await;
        let (value, _) = before.await.unwrap().unwrap();
        assert_eq!(value, 1, "{how}: the late value goes to its own caller");
        let (value, _) = read(&cache, &new, 2).await.unwrap().unwrap();
        assert_ne!(value, 1, "{how}: the late value was stored");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_an_invalidation_does_not_join_a_flight_of_before() {
    for how in INVALIDATIONS {
        let (cache, old, new) = (cache(), Source::gated(), Source::open());
        let before = read(&cache, &old, 1);
        settle().await;
        invalidate(&cache, how).await;
        let (value, _) = read(&cache, &new, 2).await.unwrap().unwrap();
        assert_ne!(value, 1, "{how}: joined the past");
        old.let_through().await;
        before.await.unwrap().unwrap();
        let (value, _) = read(&cache, &new, 3).await.unwrap().unwrap();
        assert_ne!(value, 1, "{how}: the past came back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_a_set_that_keeps_nothing_does_not_join_a_flight_of_before() {
    let (cache, old, new) = (cache(), Source::gated(), Source::open());
    let before = read(&cache, &old, 1);
    settle().await;
    let set = cache.set("key", 9_u32).duration(std::time::Duration::ZERO);
    set.await.unwrap().accept_queued();
    assert_eq!(read(&cache, &new, 2).await.unwrap().unwrap().0, 2);
    old.let_through().await;
    before.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_a_purge_reads_again_where_only_the_factory_knew_the_tag() {
    let (cache, old, new) = (cache(), Source::gated(), Source::open());
    let untagged = |source: &Source, value: u32| {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move {
            let load = cache.get_or_set("key", move |mut cx| async move {
                cx.add_tag("red");
                source.gives(value)(cx).await
            });
            load.await.map(|value| *value)
        })
    };
    let before = untagged(&old, 1);
    settle().await;
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    let after = untagged(&new, 2);
    settle().await;
    old.let_through().await;
    assert_eq!(before.await.unwrap().unwrap(), 1);
    assert_eq!(after.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beats_an_eager_refresh() {
    for how in INVALIDATIONS {
        let (cache, refresh, new) = (cache(), Source::gated(), Source::open());
        read(&cache, &new, 0).await.unwrap().unwrap();
        pass(4 * MINUTE).await;
        read(&cache, &refresh, 1).await.unwrap().unwrap();
        settle().await;
        invalidate(&cache, how).await;
        refresh.let_through().await;
        let (value, _) = read(&cache, &new, 2).await.unwrap().unwrap();
        assert!(value > 1, "{how}: {value} is of before");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beats_a_background_completion() {
    for how in INVALIDATIONS {
        let (cache, slow, new) = (cache(), Source::gated(), Source::open());
        read(&cache, &new, 0).await.unwrap().unwrap();
        pass(5 * MINUTE).await;
        let (value, outcome) = read(&cache, &slow, 1).await.unwrap().unwrap();
        assert!(value == 0 && outcome.is_stale(), "past its soft limit");
        invalidate(&cache, how).await;
        slow.let_through().await;
        let (value, _) = read(&cache, &new, 2).await.unwrap().unwrap();
        assert!(value > 1, "{how}: {value} is of before");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_of_another_key_keeps_nobody_from_storing() {
    let (cache, source) = (cache(), Source::gated());
    let before = read(&cache, &source, 1);
    settle().await;
    cache.remove("quite another").await.unwrap().accept_queued();
    source.let_through().await;
    let (_, outcome) = before.await.unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Miss { stored: true, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_does_not_end_a_flight_that_others_wait_for() {
    let (cache, source) = (cache(), Source::gated());
    let calls: Vec<Read> = (0..3).map(|n| read(&cache, &source, n)).collect();
    settle().await;
    calls[0].abort();
    calls[1].abort();
    settle().await;
    source.let_through().await;
    let last = calls.into_iter().next_back().unwrap();
    assert_eq!(last.await.unwrap().unwrap().0, 0);
    assert_eq!(source.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_from_before_a_purge_does_not_replace_one_from_after_it() {
    for how in ["remove tag", "expire tag", "clear", "expire all"] {
        let (cache, old, new) = (cache(), Source::gated(), Source::open());
        let before = read(&cache, &old, 1);
        settle().await;
        invalidate(&cache, how).await;
        assert_eq!(read(&cache, &new, 2).await.unwrap().unwrap().0, 2);
        old.let_through().await;
        before.await.unwrap().unwrap();
        let kept = cache.get::<_, u32>("key").allow_stale().await.unwrap();
        assert_eq!(kept.as_deref(), Some(&2), "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_removes_its_own_key_gives_a_value_that_is_not_stored() {
    let cache = cache();
    let inner = cache.clone();
    let load = cache.get_or_set("key", move |_| async move {
        inner.remove("key").await?.accept_queued();
        Ok::<_, CacheError>(1_u32)
    });
    assert_eq!(*load.await.unwrap(), 1);
    assert_eq!(cache.stats().entries, 0);
}
