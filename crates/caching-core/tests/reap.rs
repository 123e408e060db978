//! Giving back the room of what nobody can be given any more.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::EntryOptions;
use support::{MINUTE, cache, pass};

#[tokio::test(start_paused = true)]
async fn reap_gives_back_the_room_of_what_was_purged_and_counts_it() {
    let cache = cache();
    for n in 0..1_000_u32 {
        let key = format!("key {n}");
        let tag = if n % 4 == 0 { "red" } else { "blue" };
        cache
            .set(&key, n)
            .tags([tag])
            .await
            .unwrap()
            .accept_queued();
    }
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    assert_eq!(cache.stats().entries, 1_000, "hidden, and still there");
    assert_eq!(cache.reap().await, 250);
    assert_eq!((cache.stats().entries, cache.stats().reaped), (750, 250));
    cache.clear().await.unwrap().accept_queued();
    assert_eq!((cache.reap().await, cache.reap().await), (750, 0));
}

#[tokio::test(start_paused = true)]
async fn reap_leaves_what_can_still_be_given() {
    let cache = cache();
    for key in ["fresh", "expired", "purged"] {
        let tags = (key == "purged").then_some("red");
        let set = cache.set(key, 1_u32).tags(tags);
        set.await.unwrap().accept_queued();
    }
    let short = EntryOptions::new().duration(MINUTE).fail_safe(false);
    let set = cache.set("over", 1_u32).options(short);
    set.await.unwrap().accept_queued();
    cache.expire("expired").await.unwrap().accept_queued();
    cache.expire_by_tag("red").await.unwrap().accept_queued();
    pass(MINUTE).await;
    assert_eq!(cache.reap().await, 1, "the one that is over");
    for key in ["fresh", "expired", "purged"] {
        let kept = cache.get::<_, u32>(key).allow_stale().await.unwrap();
        assert!(kept.is_some(), "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reap_beside_loads_drops_nothing_that_was_stored_meanwhile() {
    let cache = cache();
    let purger = {
        let cache = cache.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                cache.remove_by_tag("red").await.unwrap().accept_queued();
                cache.reap().await;
            }
        })
    };
    let mut round = 0_u32;
    while !purger.is_finished() {
        round += 1;
        for n in 0..20_u32 {
            let key = format!("key {n}");
            cache
                .set(&key, round)
                .tags(["blue"])
                .await
                .unwrap()
                .accept_queued();
            assert_eq!(
                cache.get::<_, u32>(&key).await.unwrap().as_deref(),
                Some(&round)
            );
            cache
                .set(&key, round)
                .tags(["red"])
                .await
                .unwrap()
                .accept_queued();
        }
    }
    purger.await.unwrap();
}
