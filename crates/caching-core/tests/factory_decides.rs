//! What a factory says of its entry counts: in the foreground, behind its callers, and where it fails.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::io;
use std::time::Duration;

use caching_core::{
    CacheError, CodecChoice, EagerRefresh, EntryOptions, FactoryContext, HybridCache, Limit,
};
use futures::future::BoxFuture;
use support::pods::{Truth, moment, pod, store};
use support::{MINUTE, SECOND, Source, broken, cache, pass};

const TICK: Duration = Duration::from_millis(1);

type Said = fn(&mut FactoryContext);
type Loading = BoxFuture<'static, Result<u32, io::Error>>;

/// A factory that says this of its entry, and then answers as its source does.
fn says(
    said: Said,
    source: &Source,
    answer: Result<u32, io::Error>,
) -> impl FnOnce(FactoryContext) -> Loading + Send + 'static {
    let factory = source.answers(answer);
    move |mut cx| {
        said(&mut cx);
        factory(cx)
    }
}

/// A cache whose key holds 1, which has just become stale.
async fn with_stale_value() -> HybridCache {
    let cache = cache();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    cache
}

fn fresh(cache: &HybridCache) -> Option<u32> {
    cache.peek::<_, u32>("key").unwrap().as_deref().copied()
}

async fn fallback(cache: &HybridCache) -> Option<u32> {
    let get = cache.get::<_, u32>("key").allow_stale();
    get.await.unwrap().as_deref().copied()
}

/// Fresh for ten seconds, a fallback for ten more.
fn brief(cx: &mut FactoryContext) {
    cx.set_options(EntryOptions::new().duration(10 * SECOND));
    cx.set_options(EntryOptions::new().retention(20 * SECOND));
}

/// The key holds 2, as long as [`brief`] says.
async fn holds_two_for_a_brief_time(cache: &HybridCache) {
    assert_eq!(fresh(cache), Some(2));
    pass(10 * SECOND - TICK).await;
    assert_eq!(fresh(cache), Some(2));
    pass(TICK).await;
    assert_eq!((fresh(cache), fallback(cache).await), (None, Some(2)));
    pass(10 * SECOND).await;
    assert_eq!(fallback(cache).await, None, "past its retention");
}

#[tokio::test(start_paused = true)]
async fn options_that_a_factory_sets_win_field_by_field_over_those_of_the_call() {
    let (cache, source) = (cache(), Source::open());
    let options = EntryOptions::new()
        .duration(MINUTE)
        .retention(MINUTE)
        .eager_refresh(EagerRefresh::Off);
    let call = cache.get_or_set("key", says(brief, &source, Ok(2)));
    call.options(options).await.unwrap();
    pass(9 * SECOND).await;
    let hit = cache.get_or_set("key", source.gives(3_u32));
    assert_eq!(*hit.await.unwrap(), 2);
    pass(Duration::ZERO).await;
    assert_eq!(source.runs(), 1, "refreshed early, though the call said no");
    assert_eq!(fresh(&cache), Some(2));
    pass(SECOND).await;
    assert_eq!((fresh(&cache), fallback(&cache).await), (None, Some(2)));
    pass(10 * SECOND).await;
    assert_eq!(fallback(&cache).await, None, "past its retention");
}

#[tokio::test(start_paused = true)]
async fn of_what_a_factory_says_of_one_option_the_last_word_counts() {
    let options_last: Said = |cx| {
        cx.set_duration(MINUTE);
        cx.set_options(EntryOptions::new().duration(SECOND));
    };
    let duration_last: Said = |cx| {
        cx.set_options(EntryOptions::new().duration(MINUTE));
        cx.set_duration(SECOND);
    };
    for said in [options_last, duration_last] {
        let (cache, source) = (cache(), Source::open());
        let call = cache.get_or_set("key", says(said, &source, Ok(2)));
        call.await.unwrap();
        pass(SECOND - TICK).await;
        assert_eq!(fresh(&cache), Some(2));
        pass(TICK).await;
        assert_eq!(fresh(&cache), None);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_factory_said_counts_for_a_value_that_comes_past_the_soft_limit() {
    let (cache, slow) = (with_stale_value().await, Source::gated());
    let call = cache.get_or_set("key", says(brief, &slow, Ok(2)));
    assert_eq!(*call.await.unwrap(), 1, "its caller has left with this");
    slow.let_through().await;
    holds_two_for_a_brief_time(&cache).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_factory_said_counts_for_an_early_refresh() {
    let (cache, source) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    let call = cache.get_or_set("key", says(brief, &source, Ok(2)));
    assert_eq!(*call.await.unwrap(), 1);
    pass(Duration::ZERO).await;
    holds_two_for_a_brief_time(&cache).await;
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_a_factory_added_counts_for_a_value_that_comes_past_the_soft_limit() {
    let (cache, slow) = (with_stale_value().await, Source::gated());
    let tagged: Said = |cx| cx.add_tag("late");
    let call = cache.get_or_set("key", says(tagged, &slow, Ok(2)));
    assert_eq!(*call.await.unwrap(), 1, "its caller has left with this");
    slow.let_through().await;
    assert_eq!(fresh(&cache), Some(2));
    cache.remove_by_tag("late").await.unwrap().accept_queued();
    assert_eq!(fallback(&cache).await, None);
}

#[tokio::test(start_paused = true)]
async fn the_throttle_that_a_factory_set_counts_however_it_fails() {
    let resting: Said = |cx| cx.set_options(EntryOptions::new().throttle(5 * SECOND));
    let panicking: Said = |cx| {
        cx.set_options(EntryOptions::new().throttle(5 * SECOND));
        assert!(cx.key().is_empty(), "a factory that panics");
    };
    let off = EntryOptions::new().factory_soft_limit(Limit::Off);
    for how in ["an error", "a panic", "the hard limit", "in the background"] {
        let (cache, next) = (with_stale_value().await, Source::open());
        let (said, source) = match how {
            "an error" => (resting, Source::open()),
            "a panic" => (panicking, Source::open()),
            _ => (resting, Source::gated()),
        };
        let call = cache.get_or_set("key", says(said, &source, Err(broken())));
        let call = match how {
            "the hard limit" => call.options(off.clone()),
            _ => call,
        };
        assert_eq!(*call.await.unwrap(), 1, "{how}");
        if how == "in the background" {
            source.let_through().await;
        }
        pass(5 * SECOND - TICK).await;
        let stale = cache.get_or_set("key", next.gives(3_u32)).await;
        assert_eq!((*stale.unwrap(), next.runs()), (1, 0), "{how}: it rests");
        pass(TICK).await;
        let value = cache.get_or_set("key", next.gives(3_u32)).await;
        assert_eq!(*value.unwrap(), 3, "{how}: it rests for no longer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_fails_and_forbids_stale_values_gives_its_error() {
    let strict: Said = |cx| cx.set_options(EntryOptions::new().fail_safe(false));
    let (cache, source) = (with_stale_value().await, Source::open());
    let call = cache.get_or_set("key", says(strict, &source, Err(broken())));
    let error = call.await.unwrap_err();
    assert!(matches!(error, CacheError::Factory { .. }), "{error}");
    // What was there stays, for those who may have it.
    let next = cache.get_or_set("key", source.fails::<u32>()).await;
    assert_eq!(*next.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_fails_gives_the_stale_value_neither_its_duration_nor_its_tags() {
    let said: Said = |cx| {
        cx.set_duration(SECOND);
        cx.add_tag("late");
    };
    let (cache, source) = (with_stale_value().await, Source::open());
    let call = cache.get_or_set("key", says(said, &source, Err(broken())));
    assert_eq!(*call.await.unwrap(), 1);
    cache.remove_by_tag("late").await.unwrap().accept_queued();
    pass(30 * SECOND - TICK).await;
    let call = cache.get_or_set("key", source.gives(2_u32));
    assert_eq!((*call.await.unwrap(), source.runs()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_factory_may_keep_its_value_from_the_store() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let load = truth.load();
    let private = move |mut cx: FactoryContext| {
        cx.set_options(EntryOptions::new().l2_write(false));
        load(cx)
    };
    a.get_or_set("key", private).await.unwrap();
    moment().await;
    assert!(store.records().is_empty());
    let begun = tokio::time::Instant::now();
    b.get_or_set("key", truth.load()).await.unwrap();
    assert_eq!(truth.runs(), 2);
    assert_eq!(begun.elapsed(), Duration::ZERO, "nobody's turn is kept");
}

#[tokio::test(start_paused = true)]
async fn a_codec_is_not_for_a_factory_to_choose_and_other_pods_find_its_value() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let load = truth.load();
    let otherwise = move |mut cx: FactoryContext| {
        cx.set_options(EntryOptions::new().codec(CodecChoice::Custom));
        load(cx)
    };
    a.get_or_set("key", otherwise).await.unwrap();
    moment().await;
    b.get_or_set("key", truth.load()).await.unwrap();
    assert_eq!(truth.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_fails_and_allows_stale_values_gives_none_to_a_call_that_forbids_them() {
    let lenient: Said = |cx| cx.set_options(EntryOptions::new().fail_safe(true));
    let (cache, source) = (with_stale_value().await, Source::open());
    let call = cache.get_or_set("key", says(lenient, &source, Err(broken())));
    let error = call.fail_safe(false).await.unwrap_err();
    assert!(matches!(error, CacheError::Factory { .. }), "{error}");
    assert_eq!(fallback(&cache).await, Some(1), "for those who take it");
}
