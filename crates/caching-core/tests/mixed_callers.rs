//! Callers of one flight that ask for different things: each gets what it would get alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::io;
use std::sync::Arc;

use caching_core::{CacheError, EntryOptions, FactoryContext, HybridCache, Limit, Outcome};
use futures::future::BoxFuture;
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;
use tokio::time::Instant;

type Read = JoinHandle<Result<(u32, Outcome), CacheError>>;

/// A read of `key` with these options and this factory, in a task of its own.
async fn read(
    cache: &HybridCache,
    options: EntryOptions,
    factory: impl FnOnce(FactoryContext) -> BoxFuture<'static, Result<u32, io::Error>> + Send + 'static,
) -> Read {
    let cache = cache.clone();
    let task = tokio::spawn(async move {
        let read = cache
            .get_or_set("key", factory)
            .options(options)
            .detailed()
            .await?;
        Ok((*read.value, read.outcome))
    });
    settle().await;
    task
}

fn strict() -> EntryOptions {
    EntryOptions::new().fail_safe(false)
}

fn lenient() -> EntryOptions {
    EntryOptions::new().fail_safe(true)
}

/// A cache whose key, tagged `red`, holds a value that has just become stale.
async fn with_stale_value(toml: &str) -> HybridCache {
    let cache = configured(toml);
    cache
        .set("key", 1_u32)
        .tags(["red"])
        .await
        .unwrap()
        .accept_queued();
    pass(5 * MINUTE).await;
    cache
}

/// A flight that is past its soft limit: those who boarded it were given the stale value.
async fn late_flight(cache: &HybridCache, slow: &Source) {
    let early = cache.get_or_set("key", slow.gives(2_u32)).await.unwrap();
    assert_eq!(*early, 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_removed_by_tag_is_not_given_to_who_comes_after_the_soft_limit() {
    let (cache, slow, new) = (with_stale_value("").await, Source::gated(), Source::open());
    late_flight(&cache, &slow).await;
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    let value = cache.get_or_set("key", new.gives(3_u32)).await.unwrap();
    assert_eq!(*value, 3);
}

#[tokio::test(start_paused = true)]
async fn a_value_past_its_retention_is_not_given_to_who_comes_after_the_soft_limit() {
    let cache = with_stale_value("defaults.factory_hard_limit = 'off'").await;
    let (slow, joined) = (Source::gated(), Source::gated());
    late_flight(&cache, &slow).await;
    pass(2 * 60 * MINUTE).await;
    let late = read(&cache, lenient(), joined.gives(3)).await;
    assert!(!late.is_finished(), "it waits for the factory");
    slow.let_through().await;
    assert_eq!(late.await.unwrap().unwrap().0, 2);
}

#[tokio::test(start_paused = true)]
async fn who_refuses_stale_values_waits_for_the_late_flight_that_it_joined() {
    let (cache, slow, other) = (with_stale_value("").await, Source::gated(), Source::open());
    late_flight(&cache, &slow).await;
    let strict = read(&cache, strict(), other.gives(3)).await;
    assert!(!strict.is_finished(), "given the stale value");
    slow.let_through().await;
    assert_eq!(strict.await.unwrap().unwrap().0, 2);
}

#[tokio::test(start_paused = true)]
async fn who_refuses_stale_values_is_not_given_that_of_the_failed_flight_that_it_joined() {
    let (cache, slow, own) = (with_stale_value("").await, Source::gated(), Source::open());
    let first = read(&cache, lenient(), slow.fails()).await;
    let strict = read(&cache, strict(), own.fails()).await;
    slow.let_through().await;
    assert!(first.await.unwrap().unwrap().1.is_stale());
    let error = strict.await.unwrap().unwrap_err();
    assert!(matches!(error, CacheError::Factory { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn who_takes_stale_values_gets_one_when_the_strict_flight_that_it_joined_fails() {
    let (cache, slow) = (with_stale_value("").await, Source::gated());
    let first = read(&cache, strict(), slow.fails()).await;
    let lenient = read(&cache, lenient(), slow.fails()).await;
    slow.let_through().await;
    assert!(first.await.unwrap().is_err());
    let (value, outcome) = lenient.await.unwrap().unwrap();
    assert!(value == 1 && outcome.is_stale());
}

#[tokio::test(start_paused = true)]
async fn a_value_kept_out_of_the_cache_is_for_the_caller_whose_factory_made_it() {
    let (cache, slow, own) = (cache(), Source::gated(), Source::open());
    let inner = slow.clone();
    let first = read(&cache, lenient(), move |mut cx| {
        cx.do_not_store();
        inner.gives(1)(cx)
    })
    .await;
    let second = read(&cache, lenient(), own.gives(2)).await;
    slow.let_through().await;
    assert_eq!(first.await.unwrap().unwrap().0, 1);
    assert_eq!(second.await.unwrap().unwrap().0, 2);
}

#[tokio::test(start_paused = true)]
async fn who_joins_waits_no_longer_than_its_own_hard_limit() {
    let (cache, slow) = (cache(), Source::gated());
    let _first = read(&cache, lenient(), slow.gives(1)).await;
    let begun = tokio::time::Instant::now();
    let brief = EntryOptions::new().factory_hard_limit(Limit::After(SECOND));
    let joined = read(&cache, brief, slow.gives(2)).await;
    let error = joined.await.unwrap().unwrap_err();
    assert!(
        matches!(error, CacheError::FactoryTimeout { .. }),
        "{error}"
    );
    assert!(begun.elapsed() < 2 * SECOND, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_of_another_type_does_not_stand_in_for_a_slow_factory() {
    let cache = with_stale_value("").await;
    let slow = cache.get_or_set("key", |_| async {
        tokio::time::sleep(3 * SECOND).await;
        Ok::<_, io::Error>(String::from("new"))
    });
    assert_eq!(*slow.await.unwrap(), "new");
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_of_another_type_does_not_hide_the_error_of_the_factory() {
    let (cache, source) = (with_stale_value("").await, Source::open());
    let failed = cache.get_or_set("key", source.fails::<String>()).await;
    assert!(
        matches!(failed, Err(CacheError::Factory { .. })),
        "{failed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_asks_for_its_own_key_is_told_so_instead_of_waiting_for_itself() {
    let cache = configured("defaults.factory_hard_limit = 'off'");
    let inner = cache.clone();
    let outer = cache.get_or_set("key", move |_| async move {
        let again = inner.get_or_set("key", |_| async { Ok::<_, io::Error>(1_u32) });
        again.await.map(|value| *value)
    });
    let error = tokio::time::timeout(MINUTE, outer)
        .await
        .unwrap()
        .unwrap_err();
    let cause = error.factory_error::<CacheError>().unwrap();
    assert!(
        matches!(cause, CacheError::Reentrant { key } if key == "plain:key"),
        "{cause}"
    );
}

/// A read of a key whose factory asks for another one, once all who are to have begun.
async fn asks_for(
    cache: HybridCache,
    (key, other): (&'static str, &'static str),
    all_here: Arc<Barrier>,
) -> Result<Arc<u32>, CacheError> {
    let inner = cache.clone();
    let outer = cache.get_or_set(key, move |_| async move {
        all_here.wait().await;
        let other = inner.get_or_set(other, |_| async { Ok::<_, io::Error>(1_u32) });
        other.await.map(|value| *value)
    });
    outer.await
}

#[tokio::test(start_paused = true)]
async fn two_factories_that_ask_for_each_others_key_end_at_the_hard_limit() {
    let (cache, begun) = (cache(), Instant::now());
    let both_here = Arc::new(Barrier::new(2));
    let (one, other) = tokio::join!(
        asks_for(cache.clone(), ("a", "b"), Arc::clone(&both_here)),
        asks_for(cache.clone(), ("b", "a"), Arc::clone(&both_here)),
    );
    for answer in [one, other] {
        let error = answer.unwrap_err();
        let cause = error.factory_error::<CacheError>().unwrap_or(&error);
        assert!(
            matches!(cause, CacheError::FactoryTimeout { .. }),
            "{cause}"
        );
    }
    assert!(begun.elapsed() < 11 * SECOND, "{:?}", begun.elapsed());
    // Both keys are free again.
    let again = cache.get_or_set("a", |_| async { Ok::<_, io::Error>(2_u32) });
    assert_eq!(*again.await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_asks_for_its_own_key_from_another_task_ends_at_the_hard_limit() {
    let (cache, begun) = (cache(), Instant::now());
    let inner = cache.clone();
    let outer = cache.get_or_set("key", move |_| async move {
        let asking = tokio::spawn(async move {
            let again = inner.get_or_set("key", |_| async { Ok::<_, io::Error>(1_u32) });
            again.await.map(|value| *value)
        });
        asking.await.unwrap()
    });
    let error = outer.await.unwrap_err();
    let cause = error.factory_error::<CacheError>().unwrap_or(&error);
    assert!(
        matches!(cause, CacheError::FactoryTimeout { .. }),
        "{cause}"
    );
    assert!(begun.elapsed() < 11 * SECOND, "{:?}", begun.elapsed());
}
