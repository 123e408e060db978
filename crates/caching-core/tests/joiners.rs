//! Callers who wait for a load that another one began: each comes to an end of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::{Future, IntoFuture, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use caching_core::{CacheError, FactoryContext, HybridCache, Outcome, TokioClock};
use futures::FutureExt;
use futures::executor::block_on;
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long the factories of [`brief`] may run.
const LIMIT: Duration = Duration::from_millis(100);

/// Long enough to tell "in time" from "never" on a busy machine.
const LONG: Duration = Duration::from_secs(5);

type Load<'a> = Pin<Box<dyn Future<Output = Result<Arc<u32>, CacheError>> + Send + 'a>>;

fn brief() -> HybridCache {
    configured(
        "defaults.factory_soft_limit = 'off'
         defaults.factory_hard_limit = '100ms'",
    )
}

/// A runtime on which a load of `key` began, and which is not driven any more.
fn frozen(cache: &HybridCache) -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let caller = cache.clone();
    runtime.spawn(async move {
        let load = caller.get_or_set("key", |_| pending::<Result<u32, io::Error>>());
        load.await
    });
    runtime.block_on(async {
        while cache.stats().misses == 0 {
            tokio::task::yield_now().await;
        }
    });
    runtime
}

fn on_paused_time<F: Future>(work: F) -> F::Output {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

fn two_workers() -> Runtime {
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap()
}

/// A read of `key`, in a task of its own, of which nothing is polled but once.
async fn read(cache: &HybridCache, source: &Source, value: u32) -> JoinHandle<Option<u32>> {
    let (cache, factory) = (cache.clone(), source.gives(value));
    let task = tokio::spawn(async move {
        let read = cache.get_or_set("key", factory).await;
        read.ok().map(|value| *value)
    });
    settle().await;
    task
}

/// A load of `key` that has been polled once, and will be when somebody does.
fn polled_once<'a>(cache: &'a HybridCache, source: &Source, value: u32) -> Load<'a> {
    let mut load: Load<'_> = Box::pin(cache.get_or_set("key", source.gives(value)).into_future());
    assert!((&mut load).now_or_never().is_none());
    load
}

/// Waits for the end of a load that never lands.
async fn times_out(load: Load<'_>) {
    let ended = tokio::time::timeout(LONG, load).await.unwrap();
    assert!(
        matches!(ended, Err(CacheError::FactoryTimeout { .. })),
        "{ended:?}"
    );
}

#[test]
fn each_who_joins_a_load_on_a_frozen_runtime_waits_for_the_whole_of_its_own_limit() {
    let (cache, never) = (brief(), Source::gated());
    let _frozen = frozen(&cache);
    on_paused_time(async {
        let early = async {
            times_out(polled_once(&cache, &never, 1)).await;
            Instant::now()
        };
        let late = async {
            tokio::time::sleep(LIMIT * 6 / 10).await;
            let begun = Instant::now();
            times_out(polled_once(&cache, &never, 2)).await;
            begun.elapsed()
        };
        let begun = Instant::now();
        let (early, late) = tokio::join!(early, late);
        for waited in [early - begun, late] {
            assert!(waited >= LIMIT && waited < 2 * LIMIT, "{waited:?}");
        }
    });
}

#[test]
fn who_is_polled_no_more_keeps_nobody_waiting_past_the_hard_limit() {
    let (cache, never) = (brief(), Source::gated());
    let _frozen = frozen(&cache);
    on_paused_time(async {
        let idle = polled_once(&cache, &never, 1);
        times_out(polled_once(&cache, &never, 2)).await;
        drop(idle);
    });
}

#[test]
fn who_leaves_takes_the_hard_limit_of_nobody_else_along() {
    let (cache, never) = (brief(), Source::gated());
    let _frozen = frozen(&cache);
    on_paused_time(async {
        let leaves = polled_once(&cache, &never, 1);
        let stays = polled_once(&cache, &never, 2);
        drop(leaves);
        times_out(stays).await;
    });
}

#[test]
fn a_factory_that_blocks_its_thread_keeps_nobody_waiting_past_the_hard_limit() {
    let (cache, runtime) = (brief(), two_workers());
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let (tell, began) = std::sync::mpsc::channel();
    let first = runtime.spawn({
        let cache = cache.clone();
        async move {
            let load = cache.get_or_set("key", |_| async move {
                tell.send(()).unwrap();
                // Until the test ends, however it ends.
                let _ = blocked.recv();
                Ok::<_, io::Error>(1_u32)
            });
            load.await
        }
    });
    began.recv().unwrap();
    let second = runtime.spawn({
        let cache = cache.clone();
        async move { cache.get_or_set("key", Source::gated().gives(2_u32)).await }
    });
    for caller in [first, second] {
        let ended = runtime.block_on(async { tokio::time::timeout(LONG, caller).await });
        let error = ended.unwrap().unwrap().unwrap_err();
        assert!(
            matches!(error, CacheError::FactoryTimeout { .. }),
            "{error}"
        );
    }
    drop(release);
}

#[test]
fn who_joined_in_a_runtime_and_is_polled_by_none_loads_in_the_one_where_it_joined() {
    let cache = HybridCache::builder().clock(TokioClock::new()).build();
    let (cache, runtime) = (cache.unwrap(), two_workers());
    let (slow, own) = (Source::gated(), Source::open());
    let first = runtime.spawn({
        let (cache, load) = (cache.clone(), slow.gives(1));
        let factory = move |mut cx: FactoryContext| {
            cx.do_not_store();
            load(cx)
        };
        async move { cache.get_or_set("key", factory).await.map(drop) }
    });
    while slow.runs() == 0 {
        std::thread::yield_now();
    }
    let joined = {
        let _inside = runtime.enter();
        polled_once(&cache, &own, 2)
    };
    runtime.block_on(slow.let_through());
    runtime.block_on(first).unwrap().unwrap();
    assert_eq!(*block_on(joined).unwrap(), 2, "the first one's was private");
    assert_eq!(own.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_polled_no_more_keeps_nobody_from_hearing_of_the_end() {
    let (cache, slow) = (cache(), Source::gated());
    let idle: Vec<_> = (0..3).map(|n| polled_once(&cache, &slow, n)).collect();
    let waits = read(&cache, &slow, 3).await;
    slow.let_through().await;
    assert_eq!(waits.await.unwrap(), Some(0));
    drop(idle);
}

#[tokio::test(start_paused = true)]
async fn those_who_stay_hear_of_the_end_whoever_left_and_came_meanwhile() {
    let (cache, slow) = (cache(), Source::gated());
    let mut callers = Vec::new();
    for n in 0..50 {
        callers.push(read(&cache, &slow, n).await);
        // Every third one leaves, and whoever comes next has its place.
        if n % 3 == 2 {
            callers.remove(callers.len() / 2).abort();
            settle().await;
        }
    }
    slow.let_through().await;
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Some(0));
    }
    assert_eq!(slow.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_refuses_stale_values_waits_on_where_those_who_joined_with_it_are_given_one() {
    let (cache, slow) = (cache(), Source::gated());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    let first = read(&cache, &slow, 2).await;
    let lenient = read(&cache, &slow, 3).await;
    let strict = {
        let (cache, factory) = (cache.clone(), slow.gives(4_u32));
        let load = async move { cache.get_or_set("key", factory).fail_safe(false).await };
        tokio::spawn(load)
    };
    settle().await;
    pass(3 * SECOND).await;
    for caller in [first, lenient] {
        assert_eq!(caller.await.unwrap(), Some(1));
    }
    assert_eq!(cache.stats().stale_hits, 2, "each is counted");
    assert!(!strict.is_finished());
    slow.let_through().await;
    assert_eq!(*strict.await.unwrap().unwrap(), 2);
    assert_eq!(slow.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_a_call_that_joins_and_then_loads_are_asked_for_once_and_kept() {
    let (cache, slow, own) = (cache(), Source::gated(), Source::open());
    let first = {
        let (cache, load) = (cache.clone(), slow.gives(1_u32));
        let factory = move |mut cx: FactoryContext| {
            cx.do_not_store();
            load(cx)
        };
        tokio::spawn(async move { cache.get_or_set("key", factory).await })
    };
    settle().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let joined = {
        let (cache, factory, asked) = (cache.clone(), own.gives(2_u32), Arc::clone(&asked));
        let tags = move || {
            asked.fetch_add(1, Ordering::SeqCst);
            ["red"]
        };
        tokio::spawn(async move { cache.get_or_set("key", factory).tags(tags).detailed().await })
    };
    settle().await;
    slow.let_through().await;
    assert_eq!(*first.await.unwrap().unwrap(), 1);
    let own = joined.await.unwrap().unwrap();
    assert_eq!(*own.value, 2);
    assert!(matches!(own.outcome, Outcome::Miss { stored: true, .. }));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    assert_eq!(cache.peek::<_, u32>("key").unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_load_falls_back_on_between_look_and_boarding_is_given_and_counted() {
    let (cache, own) = (cache(), Source::open());
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    cache.expire("key").await.unwrap().accept_queued();
    let (other, runtime) = (cache.clone(), Handle::current());
    // Tags are asked for after the look, and here by a caller who waits for another one's whole load.
    let tags = move || {
        let load = async move { other.get_or_set("key", Source::open().fails::<u32>()).await };
        let another = std::thread::spawn(move || runtime.block_on(load));
        assert_eq!(*another.join().unwrap().unwrap(), 1);
        ["red"]
    };
    let value = cache.get_or_set("key", own.gives(2_u32)).tags(tags).await;
    assert_eq!((*value.unwrap(), own.runs()), (1, 0));
    assert_eq!(cache.stats().stale_hits, 2);
}

#[tokio::test(start_paused = true)]
async fn who_joins_with_a_tag_that_cannot_be_used_is_told_so() {
    let (cache, slow) = (cache(), Source::gated());
    let first = read(&cache, &slow, 1).await;
    let joined = cache.get_or_set("key", slow.gives(2_u32)).tags(|| [""]);
    let error = joined.await.unwrap_err();
    assert!(matches!(error, CacheError::InvalidTag { .. }), "{error}");
    slow.let_through().await;
    assert_eq!(first.await.unwrap(), Some(1));
}
