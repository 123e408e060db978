//! What nobody should do to a cache: it has an answer, and goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::IntoFuture;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use caching_core::{Batch, CacheError, CacheEvent, CacheKey, EntryOptions, HybridCache, Limit};
use futures::FutureExt;
use futures::executor::block_on;
use support::pods::{moment, pod, store};
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
    let (keys, optional) = (["key".to_owned(), key.clone()], source.gives(Some(1_u32)));
    let pairs = keys.clone().map(|key| (key, 1_u32));
    let batch = Batch::new().remove("key").expire(&key);
    let load = cache.get_or_set(&key, source.gives(1_u32)).await.err();
    let optional = cache.get_or_set_optional(&key, optional).await.err();
    let since = cache.set(&key, 1_u32).since(cache.ticket(&key));
    let many = cache.get_or_set_many(&keys, table.load()).await.err();
    vec![
        ("get_or_set", load),
        ("get_or_set_optional", optional),
        ("get_or_set_many", many),
        ("get", cache.get::<_, u32>(&key).await.err()),
        ("get_many", cache.get_many::<_, u32>(&keys).await.err()),
        ("peek", cache.peek::<_, u32>(&key).err()),
        ("explain", cache.explain::<_, u32>(&key).await.err()),
        ("set", cache.set(&key, 1_u32).await.err()),
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
        cache.set("key", 1_u32).await.unwrap().accept_queued();
        for (verb, refusal) in refusals(&cache, &source, &table).await {
            let Some(error @ CacheError::KeyTooLong { .. }) = refusal else {
                panic!("{verb}: {refusal:?}");
            };
            assert!(error.to_string().len() < 300, "{verb} repeats the key");
        }
        assert_eq!((source.runs(), table.loads().len()), (0, 0));
        assert_eq!(cache.peek::<_, u32>("key").unwrap().as_deref(), Some(&1));
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

#[tokio::test(start_paused = true)]
async fn durations_of_nothing_and_of_centuries_in_every_option_give_values_and_panic_nowhere() {
    let century = Duration::from_secs(100 * 365 * 24 * 60 * 60);
    let store = store();
    let caches = [cache(), pod(&store).await.cache];
    for cache in &caches {
        for duration in [
            Duration::ZERO,
            Duration::from_nanos(1),
            century,
            10 * century,
            Duration::MAX,
        ] {
            for alone in 0..3 {
                let options = match alone {
                    0 => all(duration),
                    // Durations alone, and the rest as it is built in.
                    1 => EntryOptions::new().duration(duration).retention(duration),
                    _ => EntryOptions::new()
                        .duration(MINUTE)
                        .throttle(duration)
                        .source_lag(duration)
                        .factory_soft_limit(Limit::After(duration)),
                };
                let source = Source::open();
                let key = format!("{duration:?} {alone}");
                for _ in 0..3 {
                    let load = cache
                        .get_or_set(&key, source.gives(1_u32))
                        .options(options.clone());
                    assert_eq!(*load.await.unwrap(), 1, "{key}");
                    let load = cache
                        .get_or_set_optional(&key, source.gives(None::<u32>))
                        .options(options.clone());
                    load.await.unwrap();
                    let set = cache.set(&key, 2_u32).options(options.clone());
                    set.await.unwrap().accept_queued();
                    cache.expire(&key).await.unwrap().accept_queued();
                    let load = cache
                        .get_or_set(&key, source.fails::<u32>())
                        .options(options.clone());
                    let _ = load.await;
                    pass(duration.min(century)).await;
                }
                cache.reap().await;
            }
        }
        for until in [SystemTime::UNIX_EPOCH, SystemTime::now() + century] {
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

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_panics_or_never_reads_takes_nobody_along() {
    let cache = cache();
    let (mut panics, mut reads, _sleeps) = (cache.events(), cache.events(), cache.events());
    let panicked = tokio::spawn(async move {
        let event = panics.recv().await;
        assert!(event.is_none(), "a bug in a subscriber");
    });
    cache.remove("key").await.unwrap().accept_queued();
    assert!(panicked.await.unwrap_err().is_panic());
    for _ in 0..2_000 {
        cache.remove("key").await.unwrap().accept_queued();
        assert!(matches!(
            reads.recv().await,
            Some(CacheEvent::Removed { .. })
        ));
    }
}

/// A value whose end is a bug.
struct Bomb;

#[derive(CacheKey)]
#[cache_key(kind = "bomb", value = Bomb, template = "{id}", local)]
struct BombKey {
    id: usize,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a bug in a value");
    }
}

#[test]
fn a_value_that_panics_while_it_is_dropped_leaves_the_cache_usable_and_its_room_bounded() {
    let cache = configured("l1.max_entries = 10");
    let went_off = |work: &dyn Fn()| catch_unwind(AssertUnwindSafe(work)).is_err();
    let mut panics = 0;
    // Replaced, removed and evicted.
    for n in 0..1_000 {
        let key = BombKey { id: n % 100 };
        let set = || {
            block_on(cache.set(&key, Bomb).into_future())
                .unwrap()
                .accept_queued()
        };
        let remove = || block_on(cache.remove(&key)).unwrap().accept_queued();
        panics += usize::from(went_off(&set));
        panics += usize::from(n % 7 == 0 && went_off(&remove));
    }
    assert!(panics > 0, "somebody sees it");
    for n in 0..1_000_u32 {
        let key = n.to_string();
        let set = || {
            block_on(cache.set(&key, n).into_future())
                .unwrap()
                .accept_queued()
        };
        // What is left may still go off here.
        went_off(&set);
        let kept = cache.peek::<_, u32>(&key).unwrap();
        assert_eq!(kept.as_deref(), Some(&n));
    }
    let entries = cache.stats().entries;
    assert!(entries < 200, "{entries}");
}

/// A value that calls the cache when it is dropped.
struct Calls(HybridCache);

#[derive(CacheKey)]
#[cache_key(kind = "calls", value = Calls, template = "{id}", local)]
struct CallsKey {
    id: usize,
}

impl Drop for Calls {
    fn drop(&mut self) {
        let _ = self.0.remove("other").into_future().now_or_never();
    }
}

#[test]
fn a_value_that_was_evicted_and_missed_may_call_the_cache_while_it_is_dropped() {
    let (tell, done) = mpsc::channel();
    // In a thread of its own: one that is stuck would keep the test from ending.
    std::thread::spawn(move || {
        let cache = configured("l1.max_entries = 10");
        let _sleeps = cache.events();
        for id in 0..5_000 {
            let (key, value) = (CallsKey { id }, Calls(cache.clone()));
            block_on(cache.set(&key, value).into_future())
                .unwrap()
                .accept_queued();
        }
        tell.send(()).unwrap();
    });
    assert_eq!(done.recv_timeout(30 * SECOND), Ok(()));
}

/// A value that cannot be written, or not read, as its code has a bug.
struct Mute<const WRITTEN: bool>;

impl<const WRITTEN: bool> serde::Serialize for Mute<WRITTEN> {
    fn serialize<S: serde::Serializer>(&self, ser: S) -> Result<S::Ok, S::Error> {
        assert!(WRITTEN, "a bug in `Serialize`");
        ser.serialize_unit()
    }
}

impl<'de, const WRITTEN: bool> serde::Deserialize<'de> for Mute<WRITTEN> {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        unreachable!("a bug in `Deserialize`")
    }
}

#[derive(CacheKey)]
#[cache_key(kind = "not_written", value = Mute<false>)]
struct NotWrittenKey;

#[derive(CacheKey)]
#[cache_key(kind = "not_read", value = Mute<true>)]
struct NotReadKey;

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_while_it_is_written_stays_in_its_process_and_is_counted() {
    let store = store();
    let a = pod(&store).await;
    let source = Source::open();
    for _ in 0..2 {
        let load = a.get_or_set(&NotWrittenKey, source.gives(Mute));
        load.await.unwrap();
    }
    assert_eq!((source.runs(), a.stats().l2_unshared), (1, 1));
    assert!(a.set(&NotWrittenKey, Mute).await.unwrap().is_applied());
    assert!(a.peek(&NotWrittenKey).unwrap().is_some());
    assert_eq!(store.records(), []);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_while_it_is_read_is_a_counted_miss() {
    let (store, source) = (store(), Source::open());
    let (a, b) = (pod(&store).await, pod(&store).await);
    a.set(&NotReadKey, Mute).await.unwrap().accept_queued();
    moment().await;
    assert!(b.get(&NotReadKey).await.unwrap().is_none());
    let load = b.get_or_set(&NotReadKey, source.gives(Mute));
    load.await.unwrap();
    assert_eq!(source.runs(), 1);
    assert!(b.stats().l2_unreadable >= 1);
}
