//! Runtimes that are not what one hopes for: none, frozen, ended, without timers, or blocked.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::future::{IntoFuture, pending};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

use caching_core::{CacheError, HybridCache, MemoryStore, Plaintext, TokioClock};
use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;
use support::{SECOND, Source, broken};
use tokio::runtime::{Builder, Runtime};

/// Long enough to tell "in time" from "never" on a busy machine.
const LONG: Duration = Duration::from_secs(5);

fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn two_workers() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A cache whose factories may run for a tenth of a second.
fn brief() -> HybridCache {
    let config = toml::from_str(
        "defaults.factory_soft_limit = 'off'
         defaults.factory_hard_limit = '100ms'",
    );
    let builder = HybridCache::builder().config(config.unwrap());
    builder.build().unwrap()
}

/// Begins a load that never ends, from a task on this runtime.
fn begin_endless_load(cache: &HybridCache, runtime: &Runtime) {
    let cache = cache.clone();
    runtime.spawn(async move {
        let load = cache.get_or_set("key", |_| pending::<Result<u32, io::Error>>());
        load.await
    });
}

/// Lets other tasks or threads go on until a load has begun.
async fn load_begins(cache: &HybridCache) {
    while cache.stats().misses == 0 {
        tokio::task::yield_now().await;
    }
}

/// A runtime on which a load of `key` began, and which is not driven any more.
fn frozen(cache: &HybridCache) -> Runtime {
    let runtime = one_thread();
    begin_endless_load(cache, &runtime);
    runtime.block_on(load_begins(cache));
    runtime
}

#[test]
fn loading_outside_a_runtime_is_an_error_that_says_so() {
    let cache = HybridCache::builder().build().unwrap();
    let load = cache.get_or_set("key", |_| async { Err::<u32, _>(broken()) });
    let error = block_on(load.into_future()).unwrap_err();
    assert!(matches!(error, CacheError::NoRuntime));
}

#[test]
fn asking_the_store_outside_a_runtime_is_an_error_that_does_not_speak_of_loading() {
    let builder = HybridCache::builder().default_key_prefix("test");
    let builder = builder.plaintext(Plaintext::Allowed);
    let cache = builder.l2(MemoryStore::new().l2()).build().unwrap();
    let error = block_on(cache.version_of("red")).unwrap_err();
    assert!(matches!(error, CacheError::NoRuntime));
    let message = error.to_string();
    assert!(
        message.contains("the shared store needs a tokio runtime"),
        "{message}"
    );
    assert!(!message.contains("loading"), "{message}");
}

#[test]
fn loading_on_a_runtime_without_timers_is_an_error_that_says_so() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let (cache, source) = (HybridCache::builder().build().unwrap(), Source::open());
    let load = async { cache.get_or_set("key", source.gives(1_u32)).await };
    let error = runtime.block_on(load).unwrap_err();
    assert!(matches!(error, CacheError::NoTimers), "{error}");
}

#[test]
fn a_hit_needs_no_runtime() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let cache = runtime.block_on(async {
        let cache = HybridCache::builder()
            .clock(TokioClock::new())
            .build()
            .unwrap();
        cache.set("key", 1_u32).await.unwrap().accept_queued();
        cache
    });
    drop(runtime);
    let value = block_on(cache.get::<_, u32>("key").into_future()).unwrap();
    assert_eq!(value.as_deref(), Some(&1));
}

#[test]
fn who_joins_a_load_on_a_frozen_runtime_waits_no_longer_than_the_hard_limit() {
    let cache = brief();
    let _frozen = frozen(&cache);
    let joined = one_thread().block_on(async {
        let load = cache.get_or_set("key", Source::open().gives(1_u32));
        tokio::time::timeout(LONG, load).await.unwrap()
    });
    assert!(
        matches!(joined, Err(CacheError::FactoryTimeout { .. })),
        "{joined:?}"
    );
}

#[test]
fn a_load_on_a_frozen_runtime_is_joined_by_nobody_once_it_is_past_its_hard_limit() {
    let (cache, source) = (brief(), Source::open());
    let _frozen = frozen(&cache);
    let second = one_thread().block_on(async {
        let first = cache.get_or_set("key", source.gives(1_u32)).await;
        assert!(first.is_err());
        cache.get_or_set("key", source.gives(2_u32)).await
    });
    assert_eq!(*second.unwrap(), 2);
}

#[test]
fn stop_returns_at_its_deadline_although_a_runtime_is_frozen() {
    let cache = brief();
    let _frozen = frozen(&cache);
    let stopped = one_thread().block_on(async {
        let stop = cache.stop(Duration::from_millis(50));
        tokio::time::timeout(LONG, stop).await
    });
    assert_eq!(stopped, Ok(false));
}

#[test]
fn stop_returns_at_its_deadline_although_a_factory_blocks_its_thread() {
    let (runtime, cache) = (two_workers(), HybridCache::builder().build().unwrap());
    let (release, blocked) = mpsc::channel::<()>();
    let (tell, began) = mpsc::channel();
    let caller = cache.clone();
    runtime.spawn(async move {
        let load = caller.get_or_set("key", |_| async move {
            tell.send(()).unwrap();
            // Until the test ends, however it ends.
            let _ = blocked.recv();
            Ok::<_, io::Error>(1_u32)
        });
        load.await
    });
    began.recv().unwrap();
    let begun = Instant::now();
    assert!(!runtime.block_on(cache.stop(Duration::from_millis(50))));
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    drop(release);
}

#[test]
fn a_factory_that_blocks_its_thread_holds_nobody_up_for_longer_than_the_hard_limit() {
    let (runtime, cache, open) = (two_workers(), brief(), Source::open());
    let (release, blocked) = mpsc::channel::<()>();
    let caller = cache.clone();
    let first = runtime.spawn(async move {
        let load = caller.get_or_set("key", |_| async move {
            // Until the test ends, however it ends.
            let _ = blocked.recv();
            Ok::<_, io::Error>(1_u32)
        });
        load.await
    });
    one_thread().block_on(load_begins(&cache));
    let joined = runtime.spawn({
        let (cache, open) = (cache.clone(), open.clone());
        async move { cache.get_or_set("key", open.gives(1_u32)).await }
    });
    for caller in [first, joined] {
        let told = runtime.block_on(async { tokio::time::timeout(LONG, caller).await });
        let error = told.unwrap().unwrap().unwrap_err();
        assert!(
            matches!(error, CacheError::FactoryTimeout { .. }),
            "{error}"
        );
    }
    let next = async { cache.get_or_set("key", open.gives(2_u32)).await };
    assert_eq!(*runtime.block_on(next).unwrap(), 2);
    assert_eq!(open.runs(), 1);
    drop(release);
}

#[test]
fn a_caller_on_another_runtime_outlives_the_one_that_ran_the_factory() {
    let cache = HybridCache::builder().build().unwrap();
    let (ends, stays) = (two_workers(), one_thread());
    begin_endless_load(&cache, &ends);
    stays.block_on(load_begins(&cache));
    let value = stays.block_on(async {
        let caller = {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get_or_set("key", Source::open().gives(2_u32)).await })
        };
        support::settle().await;
        ends.shutdown_background();
        tokio::time::timeout(SECOND, caller).await.unwrap().unwrap()
    });
    assert_eq!(*value.unwrap(), 2);
}

#[test]
fn a_thousand_callers_on_several_runtimes_run_the_factory_once() {
    const RUNTIMES: usize = 4;
    const CALLERS: usize = 250;
    let (cache, source) = (HybridCache::builder().build().unwrap(), Source::gated());
    let (together, asked) = (Barrier::new(RUNTIMES), AtomicUsize::new(0));
    let (together, asked) = (Arc::new(together), Arc::new(asked));
    let callers = |runtime: usize| {
        let (cache, source, asked) = (cache.clone(), source.clone(), Arc::clone(&asked));
        let call = move |n: usize| {
            let (cache, source, asked) = (cache.clone(), source.clone(), Arc::clone(&asked));
            tokio::spawn(async move {
                asked.fetch_add(1, Ordering::SeqCst);
                let load = cache.get_or_set("key", source.gives(runtime * CALLERS + n));
                *load.await.unwrap()
            })
        };
        let together = Arc::clone(&together);
        std::thread::spawn(move || {
            together.wait();
            one_thread().block_on(async { join_all((0..CALLERS).map(call)).await })
        })
    };
    let threads: Vec<_> = (0..RUNTIMES).map(callers).collect();
    while asked.load(Ordering::SeqCst) < RUNTIMES * CALLERS {
        std::thread::yield_now();
    }
    one_thread().block_on(source.let_through());
    let ended = threads.into_iter().flat_map(|it| it.join().unwrap());
    let mut values: Vec<_> = ended.map(Result::unwrap).collect();
    assert_eq!(values.len(), RUNTIMES * CALLERS);
    values.dedup();
    assert_eq!((source.runs(), values.len()), (1, 1));
    // All had asked before it answered, but for one on each thread, who was just about to.
    let joined = cache.stats().joins as usize;
    assert!(joined >= RUNTIMES * (CALLERS - 1) - 1, "{joined} waited");
}

#[test]
fn a_load_whose_runtime_goes_away_tells_its_caller_and_frees_the_key() {
    let config = toml::from_str("defaults.factory_hard_limit = 'off'").unwrap();
    let cache = HybridCache::builder().config(config).build().unwrap();
    let (never, open) = (Source::gated(), Source::open());
    let (ends, stays) = (two_workers(), one_thread());
    // Its factory runs on the runtime that ends; the caller itself goes on on the other one.
    let mut caller = Box::pin(cache.get_or_set("key", never.gives(1_u32)).into_future());
    {
        let _inside = ends.enter();
        assert!((&mut caller).now_or_never().is_none());
    }
    while never.runs() == 0 {
        std::thread::yield_now();
    }
    drop(ends);
    let told = stays.block_on(async { tokio::time::timeout(LONG, caller).await });
    let error = told.unwrap().unwrap_err();
    assert!(
        matches!(error, CacheError::FactoryAborted { .. }),
        "{error}"
    );
    let next = async { cache.get_or_set("key", open.gives(2_u32)).await };
    assert_eq!(*stays.block_on(next).unwrap(), 2);
    assert_eq!((never.runs(), open.runs()), (1, 1));
}
