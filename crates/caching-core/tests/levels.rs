//! Reading and writing past a level.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{EntryOptions, Level, Outcome};
use support::{Source, cache, configured};

fn past(read: bool, write: bool) -> EntryOptions {
    EntryOptions::new().l1_read(read).l1_write(write)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_read_here_loads_anew_and_stores_for_the_others() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    let read = cache
        .get_or_set("key", source.gives(2_u32))
        .options(past(false, true));
    assert_eq!((*read.await.unwrap(), source.runs()), (2, 1));
    let other = cache
        .get_or_set("key", source.gives(3_u32))
        .detailed()
        .await
        .unwrap();
    assert_eq!(
        (*other.value, other.outcome),
        (
            2,
            Outcome::Hit {
                level: Level::L1,
                stale: false
            }
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_write_here_reads_and_leaves_nothing() {
    let (cache, source) = (cache(), Source::open());
    for runs in 1..3 {
        let read = cache
            .get_or_set("key", source.gives(1_u32))
            .options(past(true, false));
        assert_eq!((*read.await.unwrap(), source.runs()), (1, runs));
    }
    assert_eq!(cache.stats().entries, 0);
    cache.set("key", 2_u32).await.unwrap().accept_queued();
    let read = cache
        .get_or_set("key", source.gives(1_u32))
        .options(past(true, false));
    assert_eq!(
        (*read.await.unwrap(), source.runs()),
        (2, 2),
        "what is here is given"
    );
}

#[tokio::test(start_paused = true)]
async fn a_set_that_does_not_write_here_takes_away_what_was_here() {
    let cache = cache();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    let set = cache.set("key", 2_u32).options(past(true, false));
    set.await.unwrap().accept_queued();
    assert!(cache.get::<_, u32>("key").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_profile_that_does_not_read_here_keeps_nothing_here() {
    let (cache, source) = (configured("defaults.l1_read = false"), Source::open());
    for runs in 1..3 {
        cache.get_or_set("key", source.gives(1_u32)).await.unwrap();
        assert_eq!(source.runs(), runs);
    }
    assert_eq!(cache.stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_switched_off_keeps_nothing_and_still_asks_once_for_all() {
    let (cache, source) = (configured("enabled = false"), Source::gated());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    assert!(cache.get::<_, u32>("key").await.unwrap().is_none());
    let reads: Vec<_> = (0..10)
        .map(|_| {
            let (cache, source) = (cache.clone(), source.clone());
            tokio::spawn(async move {
                let options = EntryOptions::new().l1_write(true).l1_read(true);
                cache
                    .get_or_set("key", source.gives(2_u32))
                    .options(options)
                    .await
            })
        })
        .collect();
    support::settle().await;
    source.let_through().await;
    for read in reads {
        assert_eq!(*read.await.unwrap().unwrap(), 2);
    }
    assert_eq!((source.runs(), cache.stats().entries), (1, 0));
    cache.remove("key").await.unwrap().accept_queued();
}
