//! Asking a source whether a value has changed, and keeping it where it has not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use caching_core::{BoxError, CacheError, EntryOptions, FactoryContext, HybridCache};
use caching_testkit::{Gate, L2Operation};
use futures::future::BoxFuture;
use support::pods::{lazy, live, pod, store};
use support::{MINUTE, SECOND, cache, configured, pass};

/// What a request asked with.
type Asked = (Option<String>, Option<SystemTime>);

/// A source that answers conditional requests, as a web server does.
#[derive(Clone, Default)]
struct Web(Arc<State>);

#[derive(Default)]
struct State {
    version: AtomicU64,
    bodies: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

type Loading = BoxFuture<'static, Result<u64, BoxError>>;

impl Web {
    fn modify(&self) {
        self.0.version.fetch_add(1, Ordering::SeqCst);
    }

    fn date(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.version.load(Ordering::SeqCst))
    }

    /// How many bodies it has sent.
    fn bodies(&self) -> usize {
        self.0.bodies.load(Ordering::SeqCst)
    }

    /// What it was asked with, and forgets.
    fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.0.asked.lock().unwrap())
    }

    /// A factory that asks with what it is offered, and tags its value `web`.
    fn load(&self) -> impl FnOnce(FactoryContext) -> Loading + Send + use<> {
        self.load_behind(&Gate::opened())
    }

    /// The same, which answers when the gate lets it through.
    fn load_behind(&self, gate: &Gate) -> impl FnOnce(FactoryContext) -> Loading + Send + use<> {
        let (web, gate) = (self.clone(), gate.clone());
        move |mut cx| {
            Box::pin(async move {
                let asked = (cx.etag().map(str::to_owned), cx.last_modified());
                web.0.asked.lock().unwrap().push(asked.clone());
                let version = web.0.version.load(Ordering::SeqCst);
                let etag = format!("\"{version}\"");
                gate.pass().await;
                if asked.0.as_ref() == Some(&etag) {
                    return Err(cx.not_modified());
                }
                web.0.bodies.fetch_add(1, Ordering::SeqCst);
                cx.set_etag(&etag);
                cx.set_last_modified(web.date());
                cx.add_tag("web");
                Ok(version)
            })
        }
    }
}

/// An error of a program's own.
#[derive(Debug)]
struct Wrapped(BoxError);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no body")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

/// What a request asks with that knows version 0.
fn of_first() -> Asked {
    (Some("\"0\"".to_owned()), Some(UNIX_EPOCH))
}

async fn read(cache: &HybridCache, web: &Web) -> Arc<u64> {
    cache.get_or_set("page", web.load()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn etag_and_date_of_the_old_value_are_offered_once_it_has_expired() {
    let (cache, web) = (cache(), Web::default());
    read(&cache, &web).await;
    assert_eq!(web.asked(), [(None, None)]);
    pass(5 * MINUTE).await;
    web.modify();
    assert_eq!(*read(&cache, &web).await, 1);
    assert_eq!(web.asked(), [of_first()]);
    pass(5 * MINUTE).await;
    read(&cache, &web).await;
    let of_second = (Some("\"1\"".to_owned()), Some(web.date()));
    assert_eq!(web.asked(), [of_second], "those of the value that is there");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_modified_is_the_same_value_and_lives_as_long_again() {
    let (cache, web) = (cache(), Web::default());
    let first = read(&cache, &web).await;
    for _ in 0..3 {
        pass(5 * MINUTE).await;
        assert!(cache.peek::<_, u64>("page").unwrap().is_none());
        let call = cache.get_or_set("page", web.load()).detailed();
        let again = call.await.unwrap();
        assert!(Arc::ptr_eq(&again.value, &first));
        assert!(!again.outcome.is_stale());
        pass(4 * MINUTE - SECOND).await;
        assert!(cache.peek::<_, u64>("page").unwrap().is_some());
    }
    assert_eq!(web.bodies(), 1);
    assert_eq!(web.asked()[1..], [of_first(), of_first(), of_first()]);
    assert_eq!(cache.stats().factory_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_a_value_that_was_not_modified_stay() {
    let (cache, web) = (cache(), Web::default());
    read(&cache, &web).await;
    pass(5 * MINUTE).await;
    read(&cache, &web).await;
    cache.remove_by_tag("web").await.unwrap().accept_queued();
    read(&cache, &web).await;
    assert_eq!(web.bodies(), 2, "it was hidden by its tag");
    assert_eq!(web.asked().pop(), Some((None, None)), "and nothing is left");
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_asks_conditionally_also_without_fail_safe() {
    let cache = configured("defaults.fail_safe = false");
    let web = Web::default();
    read(&cache, &web).await;
    pass(4 * MINUTE).await;
    read(&cache, &web).await;
    pass(Duration::ZERO).await;
    assert_eq!(web.asked(), [(None, None), of_first()]);
    pass(2 * MINUTE).await;
    assert!(cache.peek::<_, u64>("page").unwrap().is_some(), "extended");
    assert_eq!(web.bodies(), 1);
}

#[tokio::test(start_paused = true)]
async fn not_modified_with_nothing_to_keep_is_a_failure_that_says_so() {
    let (cache, web) = (cache(), Web::default());
    read(&cache, &web).await;
    cache.remove("page").await.unwrap().accept_queued();
    let call = cache.get_or_set("page", |cx: FactoryContext| async move {
        Err::<u64, _>(cx.not_modified())
    });
    let error = call.await.unwrap_err();
    assert!(
        matches!(error, CacheError::Factory { .. }) && error.to_string().contains("no old value"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn not_modified_may_be_wrapped_in_an_error_of_ones_own() {
    let (cache, web) = (cache(), Web::default());
    let first = read(&cache, &web).await;
    pass(5 * MINUTE).await;
    let in_io_error = cache.get_or_set("page", |cx: FactoryContext| async move {
        Err::<u64, _>(io::Error::other(Wrapped(cx.not_modified())))
    });
    assert!(Arc::ptr_eq(&in_io_error.await.unwrap(), &first));
    assert!(cache.peek::<_, u64>("page").unwrap().is_some());
    pass(5 * MINUTE).await;
    let in_io_error = cache.get_or_set("page", |cx: FactoryContext| async move {
        Err::<u64, _>(io::Error::other(cx.not_modified()))
    });
    assert!(Arc::ptr_eq(&in_io_error.await.unwrap(), &first));
    assert!(cache.peek::<_, u64>("page").unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn that_another_value_was_not_modified_says_nothing_of_this_one() {
    let (cache, web) = (cache(), Web::default());
    read(&cache, &web).await;
    pass(5 * MINUTE).await;
    let inner = cache.clone();
    let call = cache.get_or_set("page", |_| async move {
        let other = |cx: FactoryContext| async move { Err::<u64, _>(cx.not_modified()) };
        inner.get_or_set("other", other).await.map(|value| *value)
    });
    let read = call.detailed().await.unwrap();
    assert!(read.outcome.is_stale(), "it is a failure");
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beats_a_load_that_found_nothing_modified() {
    let (cache, web, gate) = (cache(), Web::default(), Gate::closed());
    read(&cache, &web).await;
    pass(5 * MINUTE).await;
    let reading = tokio::spawn({
        let (cache, factory) = (cache.clone(), web.load_behind(&gate));
        async move { cache.get_or_set("page", factory).options(lazy()).await }
    });
    gate.arrivals(1).await;
    web.modify();
    cache.remove("page").await.unwrap().accept_queued();
    gate.open();
    assert_eq!(*reading.await.unwrap().unwrap(), 0, "to its own caller");
    assert!(cache.peek::<_, u64>("page").unwrap().is_none());
    assert_eq!(*read(&cache, &web).await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_value_is_asked_for_conditionally_and_a_revocable_one_is_not() {
    let web = Web::default();
    for (settings, asked) in [
        ("", of_first()),
        ("defaults.revocable = true", (None, None)),
    ] {
        let cache = configured(settings);
        read(&cache, &web).await;
        cache.expire_by_tag("web").await.unwrap().accept_queued();
        read(&cache, &web).await;
        assert_eq!(web.asked().pop(), Some(asked), "{settings}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_etag_that_is_empty_or_too_long_is_not_kept() {
    let cache = cache();
    for (etag, is_kept) in [
        ("", false),
        (&"e".repeat(1025), false),
        (&"e".repeat(1024), true),
    ] {
        let (own, etag) = (etag.to_owned(), etag.to_owned());
        let set = |mut cx: FactoryContext| async move {
            cx.set_etag(own);
            Ok::<_, io::Error>(1_u64)
        };
        cache.get_or_set("page", set).await.unwrap();
        pass(5 * MINUTE).await;
        let (told, offered) = tokio::sync::oneshot::channel();
        let ask = |cx: FactoryContext| async move {
            let _ = told.send(cx.etag().map(str::to_owned));
            Ok::<_, io::Error>(1_u64)
        };
        cache.get_or_set("page", ask).await.unwrap();
        assert_eq!(offered.await.unwrap(), Some(etag).filter(|_| is_kept));
        cache.remove("page").await.unwrap().accept_queued();
    }
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_loaded_a_value_asks_with_the_etag_that_another_one_kept() {
    let (store, web) = (store(), Web::default());
    let a = pod(&store).await;
    read(&a, &web).await;
    live(5 * MINUTE + SECOND).await;
    let b = pod(&store).await;
    assert_eq!(*read(&b, &web).await, 0);
    assert_eq!(web.asked(), [(None, None), of_first()]);
    assert_eq!(web.bodies(), 1);
}

#[tokio::test(start_paused = true)]
async fn other_pods_neither_read_nor_load_nor_hear_because_a_value_was_not_modified() {
    let (store, web) = (store(), Web::default());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let read_lazily = async |cache: &HybridCache| {
        let call = cache.get_or_set("page", web.load()).options(lazy());
        *call.await.unwrap()
    };
    assert_eq!((*read(&a, &web).await, read_lazily(&b).await), (0, 0));
    let before = (b.l2.calls(L2Operation::Read), b.stats());

    live(4 * MINUTE + SECOND).await;
    read(&a, &web).await; // refreshes early
    live(SECOND).await;
    assert_eq!((web.asked().len(), web.bodies()), (2, 1));
    assert_eq!(a.l2.calls(L2Operation::Invalidate), 0);
    assert_eq!(b.backplane.arrived(), 0, "a notice");
    assert_eq!(read_lazily(&b).await, 0);
    assert_eq!(b.stats().hits, before.1.hits + 1, "of what it has itself");
    assert_eq!(b.l2.calls(L2Operation::Read), before.0);

    live(MINUTE).await;
    assert_eq!(
        read_lazily(&b).await,
        0,
        "from the store, where it lives on"
    );
    assert_eq!((web.asked().len(), web.bodies()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn the_options_of_a_load_that_found_nothing_modified_count() {
    let (cache, web) = (cache(), Web::default());
    read(&cache, &web).await;
    pass(5 * MINUTE).await;
    let brief = EntryOptions::new().duration(SECOND);
    let call = cache.get_or_set("page", web.load()).options(brief);
    call.await.unwrap();
    pass(SECOND).await;
    assert!(cache.peek::<_, u64>("page").unwrap().is_none());
}
