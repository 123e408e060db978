//! What nobody should do to a cache: it has an answer, and goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use caching_core::{Batch, CacheError, CacheKey, EntryOptions, HybridCache, Limit};
use support::pods::{pod, store};
use support::table::Table;
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};

const MILLION: usize = 1_000_000;

fn megabyte() -> String {
    "x".repeat(MILLION)
}

/// What each verb says of a key of a megabyte, beside a good one where it takes many.
async fn refusals(
    cache: &HybridCache,
    source: &Source,
    table: &Table,
) -> Vec<(&'static str, Option<CacheError>)> {
    let key = megabyte();
    let (keys, optional) = (["key".to_owned(), key.clone()], source.gives(Some(1_usize)));
    let pairs = keys.clone().map(|key| (key, 1_usize));
    let batch = Batch::new().remove("key").expire(&key);
    let load = cache.get_or_set(&key, source.gives(1_usize)).await.err();
    let optional = cache.get_or_set_optional(&key, optional).await.err();
    let since = cache.set(&key, 1_usize).since(cache.ticket(&key));
    let many = cache.get_or_set_many(&keys, table.load()).await.err();
    vec![
        ("get_or_set", load),
        ("get_or_set_optional", optional),
        ("get_or_set_many", many),
        ("get", cache.get::<_, usize>(&key).await.err()),
        ("get_many", cache.get_many::<_, usize>(&keys).await.err()),
        ("peek", cache.peek::<_, usize>(&key).err()),
        ("explain", cache.explain::<_, usize>(&key).await.err()),
        ("set", cache.set(&key, 1_usize).await.err()),
        ("set since", since.await.err()),
        ("set_many", cache.set_many(pairs).await.err()),
        ("remove", cache.remove(&key).await.err()),
        ("remove_many", cache.remove_many(&keys).await.err()),
        ("expire", cache.expire(&key).await.err()),
        ("expire_many", cache.expire_many(&keys).await.err()),
        ("invalidate", cache.invalidate(batch).await.err()),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_key_of_a_megabyte_is_refused_by_every_verb_and_nothing_is_done() {
    let (store, source, table) = (store(), Source::open(), Table::open());
    for cache in [cache(), pod(&store).await.cache] {
        cache.set("key", 1_usize).await.unwrap().accept_queued();
        for (verb, refusal) in refusals(&cache, &source, &table).await {
            let Some(error @ CacheError::KeyTooLong { .. }) = refusal else {
                panic!("{verb}: {refusal:?}");
            };
            assert!(error.to_string().len() < 300, "{verb} repeats the key");
        }
        assert_eq!((source.runs(), table.loads().len()), (0, 0));
        assert_eq!(cache.peek::<_, usize>("key").unwrap().as_deref(), Some(&1));
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_limit_allows_it_a_key_of_a_megabyte_is_a_key_like_any_other() {
    let (cache, source) = (configured("key_limit = 2000000"), Source::open());
    let (key, other) = (megabyte(), format!("{}y", megabyte()));
    for _ in 0..2 {
        let load = cache.get_or_set(&key, source.gives(1_u32));
        assert_eq!(*load.await.unwrap(), 1);
    }
    assert_eq!(source.runs(), 1);
    assert!(cache.get::<_, u32>(&other).await.unwrap().is_none());
    cache.remove(&key).await.unwrap().accept_queued();
    assert!(cache.peek::<_, u32>(&key).unwrap().is_none());
}

#[test]
fn a_key_limit_over_what_a_store_takes_is_refused() {
    let config = toml::from_str("key_prefix = 'test'\nkey_limit = 2000000").unwrap();
    let builder = HybridCache::builder().config(config).l2(store().l2());
    let refusal = builder.build().unwrap_err().to_string();
    assert!(
        refusal.contains("`cache.key_limit` is 2000000, over the 16384"),
        "{refusal}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_million_tags_on_one_entry_are_refused_before_long() {
    let (cache, source) = (cache(), Source::open());
    let tags = || (0..MILLION).map(|n| format!("tag {n}"));
    let is_refused = |error: &CacheError| {
        matches!(error, CacheError::TooManyTags { .. }) && error.to_string().contains("64 tags")
    };
    let begun = std::time::Instant::now();
    let set = cache.set("key", 1_u32).tags(tags()).await;
    assert!(is_refused(&set.unwrap_err()));
    let load = cache.get_or_set("key", source.gives(1_u32)).tags(tags);
    assert!(is_refused(&load.await.unwrap_err()));
    assert_eq!(source.runs(), 0);
    let load = cache.get_or_set("key", |mut cx| async move {
        for n in 0..MILLION {
            cx.add_tag(format!("tag {n}"));
        }
        Ok::<_, io::Error>(1_u32)
    });
    assert!(is_refused(&load.await.unwrap_err()));
    assert_eq!(cache.stats().entries, 0);
    assert!(begun.elapsed() < 60 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn more_purges_than_are_remembered_hide_what_they_should_and_nothing_that_is_loaded_after_them()
 {
    let (cache, source) = (cache(), Source::open());
    let load = |tag: usize| {
        let load = cache.get_or_set("key", source.gives(1_u32));
        load.tags(move || [format!("tag {tag}")])
    };
    load(0).await.unwrap();
    for hundred in 0..1_000 {
        let numbers = hundred * 100..(hundred + 1) * 100;
        let batch = numbers.fold(Batch::new(), |it, n| it.remove_tag(format!("tag {n}")));
        cache.invalidate(batch).await.unwrap().accept_queued();
    }
    let peek = || cache.peek::<_, u32>("key").unwrap();
    assert!(peek().is_none(), "the first one counts to the end");
    for _ in 0..2 {
        load(MILLION).await.unwrap();
    }
    assert_eq!(source.runs(), 2);
    let tag = format!("tag {MILLION}");
    cache.remove_by_tag(tag).await.unwrap().accept_queued();
    assert!(peek().is_none());
}

/// Options all of whose durations are this one.
fn all(duration: Duration) -> EntryOptions {
    EntryOptions::new()
        .duration(duration)
        .negative_duration(duration)
        .jitter(Limit::After(duration))
        .retention(duration)
        .throttle(duration)
        .factory_soft_limit(Limit::After(duration))
        .factory_hard_limit(Limit::After(duration))
        .sliding(Limit::After(duration))
        .l1_duration(Limit::After(duration))
        .l1_retention(Limit::After(duration))
        .serve_stale(Limit::After(duration))
        .source_lag(duration)
}

const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Loads, puts, expires and falls back, three times.
async fn use_with(cache: &HybridCache, key: &str, options: &EntryOptions) {
    let source = Source::open();
    for _ in 0..3 {
        let load = cache.get_or_set(key, source.gives(1_u32));
        assert_eq!(*load.options(options.clone()).await.unwrap(), 1, "{key}");
        let none = cache.get_or_set_optional(key, source.gives(None::<u32>));
        none.options(options.clone()).await.unwrap();
        let set = cache.set(key, 2_u32).options(options.clone());
        set.await.unwrap().accept_queued();
        cache.expire(key).await.unwrap().accept_queued();
        let fallback = cache.get_or_set(key, source.fails::<u32>());
        let _ = fallback.options(options.clone()).await;
        pass(options.duration.unwrap_or_default().min(CENTURY)).await;
    }
    cache.reap().await;
}

#[tokio::test(start_paused = true)]
async fn durations_of_nothing_and_of_centuries_in_every_option_give_values_and_panic_nowhere() {
    let store = store();
    let durations = [
        Duration::ZERO,
        Duration::from_nanos(1),
        CENTURY,
        Duration::MAX,
    ];
    for cache in [cache(), pod(&store).await.cache] {
        for duration in durations {
            let life = EntryOptions::new().duration(duration).retention(duration);
            let rest = all(duration).duration(MINUTE).retention(MINUTE);
            for options in [all(duration), life, rest] {
                use_with(&cache, &format!("key {duration:?}"), &options).await;
                cache.clear().await.unwrap().accept_queued();
            }
        }
        for until in [SystemTime::UNIX_EPOCH, SystemTime::now() + CENTURY] {
            let options = EntryOptions::new().until(until);
            let load = cache.get_or_set("until", Source::open().gives(1_u32));
            assert_eq!(*load.options(options).await.unwrap(), 1);
        }
    }
}

#[derive(CacheKey)]
#[cache_key(kind = "held", value = Arc<()>, local)]
struct HeldKey;

#[tokio::test(start_paused = true)]
async fn a_factory_that_returns_after_its_cache_is_gone_leaves_nothing_behind() {
    let (cache, held) = (cache(), Arc::new(()));
    let set = cache.set(&HeldKey, Arc::clone(&held));
    set.await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    let last = Arc::new(Mutex::new(None::<HybridCache>));
    let returned = Arc::new(AtomicUsize::new(0));
    let refresh = {
        let (last, held, returned) = (Arc::clone(&last), Arc::clone(&held), Arc::clone(&returned));
        |_| async move {
            tokio::task::yield_now().await;
            drop(last.lock().unwrap().take());
            returned.fetch_add(1, Ordering::SeqCst);
            Ok::<_, io::Error>(held)
        }
    };
    drop(cache.get_or_set(&HeldKey, refresh).await.unwrap());
    *last.lock().unwrap() = Some(cache);
    settle().await;
    assert_eq!(returned.load(Ordering::SeqCst), 1);
    assert_eq!(Arc::strong_count(&held), 1, "the old value or the new one");
}
