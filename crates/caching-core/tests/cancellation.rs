//! What a factory has left running is told when its load is given up, and only then.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use caching_core::{FactoryContext, HybridCache, ManyContext};
use futures::future::BoxFuture;
use support::{MINUTE, SECOND, cache, configured, pass, settle};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A factory that hands out its token, and then answers as it is told.
fn handing_out(
    answer: impl FnOnce() -> BoxFuture<'static, Result<u32, io::Error>> + Send + 'static,
) -> (
    impl FnOnce(FactoryContext) -> BoxFuture<'static, Result<u32, io::Error>> + Send + 'static,
    oneshot::Receiver<CancellationToken>,
) {
    let (out, token) = oneshot::channel();
    let factory = move |cx: FactoryContext| -> BoxFuture<'static, Result<u32, io::Error>> {
        let _ = out.send(cx.cancellation());
        answer()
    };
    (factory, token)
}

fn never() -> BoxFuture<'static, Result<u32, io::Error>> {
    Box::pin(std::future::pending())
}

/// A call in a task of its own, whose factory never ends.
async fn hanging(cache: &HybridCache) -> (tokio::task::JoinHandle<()>, CancellationToken) {
    let (factory, token) = handing_out(never);
    let cache = cache.clone();
    let call = tokio::spawn(async move {
        let _ = cache.get_or_set("key", factory).await;
    });
    (call, token.await.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_load_past_its_hard_limit_is_cancelled() {
    let cache = cache();
    let (call, token) = hanging(&cache).await;
    pass(10 * SECOND - Duration::from_millis(1)).await;
    assert!(!token.is_cancelled());
    pass(Duration::from_millis(1)).await;
    assert!(token.is_cancelled());
    call.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_load_whose_last_caller_leaves_is_cancelled() {
    let cache = cache();
    let (first, token) = hanging(&cache).await;
    let (factory, _not_run) = handing_out(never);
    let second = tokio::spawn({
        let cache = cache.clone();
        async move { cache.get_or_set("key", factory).await.map(drop) }
    });
    settle().await;
    first.abort();
    settle().await;
    assert!(!token.is_cancelled(), "another one waits for it");
    second.abort();
    settle().await;
    assert!(token.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_still_runs_at_the_deadline_of_stop_is_cancelled() {
    let cache = cache();
    let (call, token) = hanging(&cache).await;
    let stopping = tokio::spawn({
        let cache = cache.clone();
        async move { cache.stop(SECOND).await }
    });
    settle().await;
    assert!(!token.is_cancelled(), "it has until the deadline");
    assert!(!stopping.await.unwrap());
    assert!(token.is_cancelled());
    call.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_is_cancelled_with_the_last_handle() {
    let (cache, token) = refreshing().await;
    drop(cache);
    settle().await;
    assert!(token.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_whose_key_is_invalidated_is_cancelled() {
    let (cache, token) = refreshing().await;
    cache.remove("key").await.unwrap().accept_queued();
    settle().await;
    assert!(token.is_cancelled());
}

/// A cache that refreshes a value behind its caller, by a factory that never ends.
async fn refreshing() -> (HybridCache, CancellationToken) {
    let cache = cache();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE).await;
    let (factory, token) = handing_out(never);
    assert_eq!(*cache.get_or_set("key", factory).await.unwrap(), 1);
    let token = token.await.unwrap();
    assert!(!token.is_cancelled());
    (cache, token)
}

#[tokio::test(start_paused = true)]
async fn a_load_whose_factory_panics_is_cancelled() {
    let cache = cache();
    let (factory, token) = handing_out(|| Box::pin(async { unreachable!("in a test") }));
    cache.get_or_set("key", factory).await.unwrap_err();
    assert!(token.await.unwrap().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_has_answered_is_not_cancelled() {
    let cache = configured("defaults.fail_safe = false");
    for answer in [Err(support::broken()), Ok(1)] {
        let (factory, token) = handing_out(move || Box::pin(async move { answer }));
        let _ = cache.get_or_set("key", factory).await;
        let token = token.await.unwrap();
        pass(MINUTE).await;
        assert!(!token.is_cancelled());
    }
    assert!(cache.stop(SECOND).await);
}

#[tokio::test(start_paused = true)]
async fn a_load_past_its_soft_limit_goes_on_and_is_not_cancelled() {
    let cache = cache();
    cache.set("key", 1_u32).await.unwrap().accept_queued();
    pass(5 * MINUTE).await;
    let (factory, token) = handing_out(never);
    assert_eq!(*cache.get_or_set("key", factory).await.unwrap(), 1);
    let token = token.await.unwrap();
    pass(SECOND).await;
    assert!(!token.is_cancelled());
    pass(8 * SECOND).await;
    assert!(token.is_cancelled(), "past its hard limit it is");
}

#[tokio::test]
async fn a_thread_that_outlives_its_factory_can_see_that_nobody_waits_for_it() {
    let cache = cache();
    let (begun, begins) = oneshot::channel();
    let (ended, ends) = oneshot::channel();
    let call = tokio::spawn(async move {
        let factory = |cx: FactoryContext| async move {
            let work = tokio::task::spawn_blocking(move || {
                let _ = begun.send(());
                while !cx.is_cancelled() {
                    std::thread::yield_now();
                }
                let _ = ended.send(());
                1_u32
            });
            work.await
        };
        cache.get_or_set("key", factory).await.map(drop)
    });
    begins.await.unwrap();
    call.abort();
    ends.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_end_of_a_load_is_woken() {
    let cache = cache();
    let (out, ended) = oneshot::channel();
    let factory = |cx: FactoryContext| async move {
        tokio::spawn(async move {
            cx.cancelled().await;
            let _ = out.send(());
        });
        std::future::pending::<Result<u32, io::Error>>().await
    };
    cache.get_or_set("key", factory).await.unwrap_err();
    ended.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_load_of_many_keys_is_cancelled_when_nobody_waits_for_any_of_them() {
    let cache = cache();
    let (out, mut told) = tokio::sync::mpsc::unbounded_channel();
    let many = tokio::spawn({
        let cache = cache.clone();
        async move {
            let factory = move |cx: ManyContext, _: Vec<&'static str>| {
                let _ = out.send(cx);
                std::future::pending::<Result<HashMap<&'static str, u32>, io::Error>>()
            };
            let _ = cache.get_or_set_many(&["a", "b"], factory).await;
        }
    });
    let cx = told.recv().await.unwrap();
    let one = tokio::spawn({
        let cache = cache.clone();
        let (factory, _not_run) = handing_out(never);
        async move { cache.get_or_set("a", factory).await.map(drop) }
    });
    settle().await;
    many.abort();
    settle().await;
    assert!(!cx.is_cancelled(), "somebody waits for one of them");
    one.abort();
    settle().await;
    assert!(cx.is_cancelled());
    cx.cancelled().await;
}
