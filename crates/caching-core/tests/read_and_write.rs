//! Reading and writing on L1 alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::IntoFuture;

use caching_core::{CacheError, CacheKey, HybridCache, Tag};
use support::{MINUTE, SECOND, Source, cache, configured, pass};

#[derive(CacheKey)]
#[cache_key(kind = "greeting", value = String, template = "{language}/{name}")]
struct GreetingKey {
    language: &'static str,
    name: String,
}

#[tokio::test(start_paused = true)]
async fn a_value_set_is_read_back_until_it_is_removed() {
    let cache = cache();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    assert_eq!(
        cache.get::<_, u32>("key").await.unwrap().as_deref(),
        Some(&1)
    );
    assert_eq!(cache.peek::<_, u32>("key").unwrap().as_deref(), Some(&1));
    cache.remove("key").await.unwrap().accept_queued();
    assert_eq!(cache.get::<_, u32>("key").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_second_set_replaces_the_first() {
    let cache = cache();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    cache.set("key", 2_u32).await.unwrap().accept_queued();
    assert_eq!(
        cache.get::<_, u32>("key").await.unwrap().as_deref(),
        Some(&2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_live_key_keeps_its_value_and_a_missing_one_is_made_once() {
    let (cache, source) = (cache(), Source::open());
    for other in 1..=3_u32 {
        let value = cache.get_or_set("key", source.gives(other)).await.unwrap();
        assert_eq!(*value, 1);
    }
    assert_eq!(source.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_get_of_a_missing_key_stores_nothing() {
    let cache = cache();
    assert_eq!(cache.get::<_, u32>("key").await.unwrap(), None);
    assert_eq!(cache.stats().entries, 0);
}

#[tokio::test(start_paused = true)]
async fn none_is_kept_for_its_own_duration_and_told_from_missing() {
    let (cache, source) = (cache(), Source::open());
    for _ in 0..10 {
        let found = cache
            .get_or_set_optional("key", source.gives(None::<u32>))
            .await
            .unwrap();
        assert_eq!(found, None);
    }
    assert_eq!(source.runs(), 1);
    let known = cache.get::<_, u32>("key").detailed().await.unwrap();
    assert!(known.value.is_none() && known.outcome.is_hit());
    let unknown = cache.get::<_, u32>("other").detailed().await.unwrap();
    assert!(unknown.value.is_none() && !unknown.outcome.is_hit());

    pass(30 * SECOND).await;
    let found = cache
        .get_or_set_optional("key", source.gives(Some(1_u32)))
        .await
        .unwrap();
    assert_eq!(found.as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn a_kept_none_does_not_answer_who_needs_a_value() {
    let (cache, source) = (cache(), Source::open());
    cache
        .get_or_set_optional("key", source.gives(None::<u32>))
        .await
        .unwrap();
    let value = cache.get_or_set("key", source.gives(7_u32)).await.unwrap();
    assert_eq!((*value, source.runs()), (7, 2));
}

#[tokio::test(start_paused = true)]
async fn a_key_read_as_another_type_is_an_error_that_names_both_and_keeps_the_entry() {
    let cache = cache();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    let error = cache.get::<_, String>("key").await.unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, CacheError::TypeMismatch { .. }));
    assert!(
        message.contains("u32") && message.contains("String"),
        "{message}"
    );
    let source = Source::open();
    let error = cache
        .get_or_set("key", source.gives(String::new()))
        .await
        .unwrap_err();
    assert!(matches!(error, CacheError::TypeMismatch { .. }));
    assert_eq!(
        cache.get::<_, u32>("key").await.unwrap().as_deref(),
        Some(&1)
    );
}

#[tokio::test(start_paused = true)]
async fn options_win_field_by_field_call_over_kind_over_defaults() {
    let cache = configured(
        "defaults.duration = '1m'
         defaults.fail_safe = false
         profiles.greeting.duration = '2m'",
    );
    let key = GreetingKey {
        language: "en",
        name: "Ada".into(),
    };
    let source = Source::open();
    cache.set("plain", 1_u32).await.unwrap().accept_queued();
    cache
        .set(&key, "hello".to_owned())
        .await
        .unwrap()
        .accept_queued();
    cache
        .set("called", 1_u32)
        .duration(3 * MINUTE)
        .await
        .unwrap()
        .accept_queued();
    pass(MINUTE).await;
    assert!(cache.peek::<_, u32>("plain").unwrap().is_none());
    assert!(cache.peek(&key).unwrap().is_some());
    pass(MINUTE).await;
    assert!(cache.peek(&key).unwrap().is_none());
    assert!(cache.peek::<_, u32>("called").unwrap().is_some());
    // `fail_safe` comes from the defaults: nothing stale is left to give.
    let error = cache.get_or_set(&key, source.fails()).await.unwrap_err();
    assert!(error.factory_error::<std::io::Error>().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_factory_is_told_its_key_in_both_forms() {
    let cache = configured("key_prefix = 'shop'");
    let key = GreetingKey {
        language: "en",
        name: "Ada/Grace".into(),
    };
    let told = cache
        .get_or_set(&key, |cx| async move {
            Ok::<_, std::io::Error>(format!("{} {}", cx.key(), cx.physical_key()))
        })
        .await
        .unwrap();
    assert_eq!(*told, "en/Ada%2FGrace shop:shared:greeting:en/Ada%2FGrace");
}

#[tokio::test(start_paused = true)]
async fn a_factory_may_change_duration_and_tags_and_keep_its_value_out() {
    let (cache, source) = (cache(), Source::open());
    cache
        .get_or_set("brief", |mut cx| async move {
            cx.set_duration(SECOND);
            cx.add_tag("seen");
            Ok::<_, std::io::Error>(1_u32)
        })
        .await
        .unwrap();
    assert!(cache.peek::<_, u32>("brief").unwrap().is_some());
    cache.remove_by_tag("seen").await.unwrap().accept_queued();
    assert!(cache.peek::<_, u32>("brief").unwrap().is_none());

    cache
        .set("kept", 1_u32)
        .duration(SECOND)
        .await
        .unwrap()
        .accept_queued();
    pass(SECOND).await;
    let value = cache
        .get_or_set("kept", |mut cx| async move {
            cx.do_not_store();
            Ok::<_, std::io::Error>(2_u32)
        })
        .await
        .unwrap();
    assert_eq!(*value, 2);
    let before = cache
        .get_or_set("kept", source.fails::<u32>())
        .await
        .unwrap();
    assert_eq!(*before, 1, "what was there stays as the fallback");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_too_long_is_refused_and_runs_nothing() {
    let (cache, source) = (configured("key_limit = 8"), Source::open());
    let error = cache
        .get_or_set("a key too long", source.gives(1_u32))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        CacheError::KeyTooLong {
            length: 14,
            limit: 8,
            ..
        }
    ));
    assert_eq!(source.runs(), 0);
}

#[tokio::test(start_paused = true)]
async fn tags_that_are_empty_reserved_or_too_long_are_refused() {
    let cache = cache();
    for tag in ["", "*", "t:acme", "k:invoice", &"x".repeat(257)] {
        let tag = Tag::from(tag);
        let set = cache.set("key", 1_u32).tags([&tag]).await;
        assert!(matches!(set, Err(CacheError::InvalidTag { .. })), "{tag}");
        let purge = cache.remove_by_tag(&tag).await;
        assert!(matches!(purge, Err(CacheError::InvalidTag { .. })), "{tag}");
    }
    assert_eq!(cache.stats().entries, 0);
}

#[test]
fn handles_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<HybridCache>();
    shared::<CacheError>();
    shared::<Tag>();
}

#[tokio::test]
async fn a_loop_of_hits_lets_other_tasks_run() {
    let cache = HybridCache::builder().build().unwrap();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    let source = Source::open();
    for with_factory in [false, true] {
        let other = tokio::spawn(async {});
        let mut hits = 0_u32;
        while !other.is_finished() {
            if with_factory {
                cache.get_or_set("key", source.gives(2_u32)).await.unwrap();
            } else {
                cache.get::<_, u32>("key").await.unwrap();
            }
            hits += 1;
            assert!(hits < 100_000, "hits never yielded");
        }
    }
}

/// A factory's own error.
#[derive(Debug, thiserror::Error)]
#[error("no such row")]
struct NoSuchRow;

#[tokio::test(start_paused = true)]
async fn the_source_of_an_error_is_what_the_factory_returned() {
    let cache = cache();
    let load = cache.get_or_set("key", |_| async { Err::<u32, _>(NoSuchRow) });
    let error = load.await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<NoSuchRow>().is_some(), "{source:?}");
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_polled_after_its_end_waits_instead_of_panicking() {
    let (cache, source) = (cache(), Source::open());
    let mut load = cache.get_or_set("key", source.gives(1_u32)).into_future();
    (&mut load).await.unwrap();
    let again = tokio::time::timeout(SECOND, &mut load).await;
    assert!(again.is_err());
}

#[tokio::test]
async fn a_ticket_of_another_key_or_another_cache_is_refused() {
    let (cache, other) = (cache(), cache());
    for ticket in [cache.ticket("b"), other.ticket("a")] {
        let set = cache.set("a", 1_u32).since(ticket).await;
        let error = set.unwrap_err();
        assert!(
            matches!(error, CacheError::TicketOfAnotherKey { .. }),
            "{error}"
        );
    }
    assert!(cache.peek::<_, u32>("a").unwrap().is_none());
}
