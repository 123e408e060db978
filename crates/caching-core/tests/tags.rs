//! Tags, kinds and clearing: invalidating what belongs together.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{Batch, CacheKey, KeyKind, Tag};
use support::{SECOND, Source, cache, pass};

#[derive(CacheKey)]
#[cache_key(
    kind = "page",
    value = u32,
    template = "{customer}:{page}",
    tags = ["customer:{customer}", "pages"]
)]
struct PageKey {
    customer: &'static str,
    page: u32,
}

#[tokio::test(start_paused = true)]
async fn removing_a_tag_hides_exactly_what_carries_it() {
    let cache = cache();
    for (key, tags) in [
        ("a", vec!["red"]),
        ("b", vec!["red", "blue"]),
        ("c", vec!["blue"]),
    ] {
        cache
            .set(key, 1_u32)
            .tags(tags)
            .await
            .unwrap()
            .accept_queued();
    }
    cache.set("d", 1_u32).await.unwrap().accept_queued();
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    let here = |key: &str| cache.peek::<_, u32>(key).unwrap().is_some();
    assert_eq!(
        [here("a"), here("b"), here("c"), here("d")],
        [false, false, true, true]
    );
    cache
        .remove_by_tag("unknown")
        .await
        .unwrap()
        .accept_queued();
    assert!(here("c") && here("d"));
}

#[tokio::test(start_paused = true)]
async fn what_was_loaded_after_a_purge_is_not_touched_by_it() {
    let (cache, source) = (cache(), Source::open());
    cache
        .set("key", 1_u32)
        .tags(["red"])
        .await
        .unwrap()
        .accept_queued();
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    for _ in 0..2 {
        let value = cache
            .get_or_set("key", source.gives(2_u32))
            .tags(|| ["red"])
            .await
            .unwrap();
        assert_eq!(*value, 2);
    }
    assert_eq!(source.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tag_dropped_by_a_later_write_no_longer_matters() {
    let cache = cache();
    cache
        .set("key", 1_u32)
        .tags(["red"])
        .await
        .unwrap()
        .accept_queued();
    cache
        .set("key", 2_u32)
        .tags(["blue"])
        .await
        .unwrap()
        .accept_queued();
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    assert_eq!(cache.peek::<_, u32>("key").unwrap().as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn a_key_type_brings_its_tags() {
    let cache = cache();
    let of = |customer, page| PageKey { customer, page };
    for key in [of("7", 1), of("7", 2), of("7:x", 1)] {
        cache.set(&key, key.page).await.unwrap().accept_queued();
    }
    cache
        .remove_by_tag(Tag::of("customer", "7"))
        .await
        .unwrap()
        .accept_queued();
    assert_eq!(cache.peek(&of("7", 1)).unwrap(), None);
    assert_eq!(cache.peek(&of("7", 2)).unwrap(), None);
    assert!(cache.peek(&of("7:x", 1)).unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn expire_by_tag_leaves_the_fallback_and_remove_by_tag_does_not() {
    let (cache, source) = (cache(), Source::open());
    for key in ["expired", "removed"] {
        cache
            .set(key, 1_u32)
            .tags([key])
            .await
            .unwrap()
            .accept_queued();
    }
    cache
        .expire_by_tag("expired")
        .await
        .unwrap()
        .accept_queued();
    cache
        .remove_by_tag("removed")
        .await
        .unwrap()
        .accept_queued();
    for key in ["expired", "removed"] {
        assert_eq!(cache.get::<_, u32>(key).await.unwrap(), None);
    }
    let kept = cache.get_or_set("expired", source.fails::<u32>()).await;
    assert_eq!(kept.ok().as_deref(), Some(&1));
    let gone = cache.get_or_set("removed", source.fails::<u32>()).await;
    assert!(gone.is_err());
}

#[tokio::test(start_paused = true)]
async fn clear_in_both_ways() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    cache.expire_all().await.unwrap().accept_queued();
    assert_eq!(cache.get::<_, u32>("key").await.unwrap(), None);
    assert_eq!(
        *cache
            .get_or_set("key", source.fails::<u32>())
            .await
            .unwrap(),
        1
    );
    for clear in [false, true] {
        cache.set("key", 2_u32).await.unwrap().accept_queued();
        let cleared = if clear {
            cache.clear().await
        } else {
            cache.clear_all_scopes().await
        };
        cleared.unwrap().accept_queued();
        assert!(
            cache
                .get_or_set("key", source.fails::<u32>())
                .await
                .is_err()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_caches_clear_leaves_anothers_entries() {
    let (one, other) = (cache(), cache());
    other.set("key", 1_u32).await.unwrap().accept_queued();
    one.clear_all_scopes().await.unwrap().accept_queued();
    assert!(other.peek::<_, u32>("key").unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn removing_a_kind_leaves_the_others() {
    let cache = cache();
    let page = PageKey {
        customer: "7",
        page: 1,
    };
    cache.set(&page, 1).await.unwrap().accept_queued();
    cache.set("plain", 1_u32).await.unwrap().accept_queued();
    cache
        .remove_kind(KeyKind::new("page"))
        .await
        .unwrap()
        .accept_queued();
    assert_eq!(cache.peek(&page).unwrap(), None);
    assert!(cache.peek::<_, u32>("plain").unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_purge_during_a_load_hides_a_tag_that_only_the_factory_knew() {
    let (cache, source) = (cache(), Source::gated());
    let caller = {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move {
            let load = cache.get_or_set("key", |mut cx| async move {
                cx.add_tag("red");
                source.gives(1_u32)(cx).await
            });
            load.await
        })
    };
    support::settle().await;
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    source.let_through().await;
    assert_eq!(*caller.await.unwrap().unwrap(), 1, "its own caller gets it");
    assert_eq!(cache.get::<_, u32>("key").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn valid_entries_stay_valid_through_a_thousand_purges_of_other_tags() {
    let cache = cache();
    cache
        .set("key", 1_u32)
        .tags(["mine"])
        .await
        .unwrap()
        .accept_queued();
    for n in 0..1_000 {
        cache
            .remove_by_tag(format!("other {n}"))
            .await
            .unwrap()
            .accept_queued();
        assert!(cache.peek::<_, u32>("key").unwrap().is_some());
    }
    pass(SECOND).await;
    cache.remove_by_tag("mine").await.unwrap().accept_queued();
    assert_eq!(cache.peek::<_, u32>("key").unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn several_tags_in_one_call_hide_what_carries_any_of_them() {
    let both = |red_is_removed: bool, blue_is_removed: bool| {
        let batch = match red_is_removed {
            true => Batch::new().remove_tag("red"),
            false => Batch::new().expire_tag("red"),
        };
        match blue_is_removed {
            true => batch.remove_tag("blue"),
            false => batch.expire_tag("blue"),
        }
    };
    for (batch, fallbacks) in [
        (both(true, true), [false, false, false]),
        (both(false, false), [true, true, true]),
        (both(true, false), [false, false, true]),
    ] {
        let cache = cache();
        for (key, tags) in [
            ("red", vec!["red"]),
            ("both", vec!["red", "blue"]),
            ("blue", vec!["blue"]),
            ("green", vec!["green"]),
            ("none", vec![]),
        ] {
            let set = cache.set(key, 1_u32).tags(tags);
            set.await.unwrap().accept_queued();
        }
        cache.invalidate(batch).await.unwrap().accept_queued();
        let here = |key: &str| cache.peek::<_, u32>(key).unwrap().is_some();
        assert!(here("green") && here("none"));
        for (key, has_fallback) in ["red", "both", "blue"].into_iter().zip(fallbacks) {
            assert!(!here(key), "{key}");
            let stale = cache.get::<_, u32>(key).allow_stale().await.unwrap();
            assert_eq!(stale.is_some(), has_fallback, "{key}");
        }
    }
}
