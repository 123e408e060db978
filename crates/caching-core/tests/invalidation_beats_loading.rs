//! The rules that every flow keeps: invalidation beats loading, and nobody joins the past.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::sync::Arc;

use caching_core::{
    Batch, BoxFuture, CacheError, HybridCache, KeyScope, NoScope, Outcome, Scope, ScopeId,
};
use support::{MINUTE, SECOND, Source, cache, pass, settle};
use tokio::task::JoinHandle;

type Read = JoinHandle<Result<(u32, Outcome), CacheError>>;

/// A read of `key`, which carries the tag `red`, in a task of its own.
fn read(cache: &HybridCache, source: &Source, value: u32) -> Read {
    let (cache, source) = (cache.clone(), source.clone());
    tokio::spawn(async move {
        let read = cache
            .get_or_set("key", source.gives(value))
            .tags(|| ["red"])
            .detailed()
            .await?;
        Ok((*read.value, read.outcome))
    })
}

/// Everything that invalidates `key`.
const INVALIDATIONS: [&str; 9] = [
    "remove",
    "expire",
    "remove tag",
    "expire tag",
    "clear",
    "expire all",
    "clear all scopes",
    "batch",
    "set",
];

async fn invalidate(cache: &HybridCache, how: &str) {
    match how {
        "remove" => cache.remove("key").await,
        "expire" => cache.expire("key").await,
        "remove tag" => cache.remove_by_tag("red").await,
        "expire tag" => cache.expire_by_tag("red").await,
        "clear" => cache.clear().await,
        "expire all" => cache.expire_all().await,
        "clear all scopes" => cache.clear_all_scopes().await,
        "batch" => {
            cache
                .invalidate(Batch::new().remove("other").remove("key"))
                .await
        }
        _ => cache.set("key", 9_u32).await,
    }
    .unwrap()
    .accept_queued();
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beats_a_load_that_began_before_it() {
    for how in INVALIDATIONS {
        let (cache, old, new) = (cache(), Source::gated(), Source::open());
        let before = read(&cache, &old, 1);
        settle().await;
        invalidate(&cache, how).await;
        old.let_through().await;
        let (value, _) = before.await.unwrap().unwrap();
        assert_eq!(value, 1, "{how}: the late value goes to its own caller");
        let (value, _) = read(&cache, &new, 2).await.unwrap().unwrap();
        assert_ne!(value, 1, "{how}: the late value was stored");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_an_invalidation_does_not_join_a_flight_of_before() {
    for how in INVALIDATIONS {
        let (cache, old, new) = (cache(), Source::gated(), Source::open());
        let before = read(&cache, &old, 1);
        settle().await;
        invalidate(&cache, how).await;
        let (value, _) = read(&cache, &new, 2).await.unwrap().unwrap();
        assert_ne!(value, 1, "{how}: joined the past");
        old.let_through().await;
        before.await.unwrap().unwrap();
        let (value, _) = read(&cache, &new, 3).await.unwrap().unwrap();
        assert_ne!(value, 1, "{how}: the past came back");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_a_set_that_keeps_nothing_does_not_join_a_flight_of_before() {
    let (cache, old, new) = (cache(), Source::gated(), Source::open());
    let before = read(&cache, &old, 1);
    settle().await;
    let set = cache.set("key", 9_u32).duration(std::time::Duration::ZERO);
    set.await.unwrap().accept_queued();
    assert_eq!(read(&cache, &new, 2).await.unwrap().unwrap().0, 2);
    old.let_through().await;
    before.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_caller_after_a_purge_reads_again_where_only_the_factory_knew_the_tag() {
    let (cache, old, new) = (cache(), Source::gated(), Source::open());
    let untagged = |source: &Source, value: u32| {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move {
            let load = cache.get_or_set("key", move |mut cx| async move {
                cx.add_tag("red");
                source.gives(value)(cx).await
            });
            load.await.map(|value| *value)
        })
    };
    let before = untagged(&old, 1);
    settle().await;
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    let after = untagged(&new, 2);
    settle().await;
    old.let_through().await;
    assert_eq!(before.await.unwrap().unwrap(), 1);
    assert_eq!(after.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beats_an_eager_refresh() {
    for how in INVALIDATIONS {
        let (cache, refresh, new) = (cache(), Source::gated(), Source::open());
        read(&cache, &new, 0).await.unwrap().unwrap();
        pass(4 * MINUTE).await;
        read(&cache, &refresh, 1).await.unwrap().unwrap();
        settle().await;
        invalidate(&cache, how).await;
        refresh.let_through().await;
        let (value, _) = read(&cache, &new, 2).await.unwrap().unwrap();
        assert!(value > 1, "{how}: {value} is of before");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beats_a_background_completion() {
    for how in INVALIDATIONS {
        let (cache, slow, new) = (cache(), Source::gated(), Source::open());
        read(&cache, &new, 0).await.unwrap().unwrap();
        pass(5 * MINUTE).await;
        let (value, outcome) = read(&cache, &slow, 1).await.unwrap().unwrap();
        assert!(value == 0 && outcome.is_stale(), "past its soft limit");
        invalidate(&cache, how).await;
        slow.let_through().await;
        let (value, _) = read(&cache, &new, 2).await.unwrap().unwrap();
        assert!(value > 1, "{how}: {value} is of before");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_of_another_key_keeps_nobody_from_storing() {
    let (cache, source) = (cache(), Source::gated());
    let before = read(&cache, &source, 1);
    settle().await;
    cache.remove("quite another").await.unwrap().accept_queued();
    source.let_through().await;
    let (_, outcome) = before.await.unwrap().unwrap();
    assert!(matches!(outcome, Outcome::Miss { stored: true, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_does_not_end_a_flight_that_others_wait_for() {
    let (cache, source) = (cache(), Source::gated());
    let calls: Vec<Read> = (0..3).map(|n| read(&cache, &source, n)).collect();
    settle().await;
    calls[0].abort();
    calls[1].abort();
    settle().await;
    source.let_through().await;
    let last = calls.into_iter().next_back().unwrap();
    assert_eq!(last.await.unwrap().unwrap().0, 0);
    assert_eq!(source.runs(), 1);
}

tokio::task_local! {
    static SCOPE: u32;
}

/// Scopes by a task-local, as tenants are.
struct TaskScope;

impl KeyScope for TaskScope {
    fn current(&self) -> Result<ScopeId, NoScope> {
        SCOPE
            .try_with(|scope| ScopeId::new(*scope))
            .map_err(|_| NoScope::new("wrap the call in SCOPE.scope"))
    }

    fn text(&self, id: ScopeId) -> Arc<str> {
        format!("n:{}", id.as_u32()).into()
    }

    fn parse(&self, text: &str) -> Result<ScopeId, NoScope> {
        text.strip_prefix("n:")
            .and_then(|number| number.parse().ok())
            .map(ScopeId::new)
            .ok_or_else(|| NoScope::new("a scope is `n:` and a number"))
    }

    fn enter<'a>(&self, id: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        Box::pin(SCOPE.scope(id.as_u32(), work))
    }
}

fn scoped() -> HybridCache {
    HybridCache::builder()
        .key_scope(TaskScope)
        .clock(caching_core::TokioClock::new())
        .build()
        .unwrap()
}

/// A factory that answers with the scope it finds itself in.
async fn own_scope(_: caching_core::FactoryContext) -> Result<u32, NoScope> {
    TaskScope.current().map(ScopeId::as_u32)
}

#[tokio::test(start_paused = true)]
async fn the_scope_is_captured_when_a_verb_is_called_not_when_it_is_polled() {
    let cache = scoped();
    let (load, write, remove) = SCOPE.sync_scope(1, || {
        (
            cache.get_or_set("loaded", own_scope),
            cache.set("written", 10_u32),
            cache.remove("removed"),
        )
    });
    let in_two = |key: &'static str| {
        let cache = cache.in_scope(Scope::Of(ScopeId::new(2)));
        async move { cache.get::<_, u32>(key).await.unwrap() }
    };
    for scope in [1, 2] {
        let cache = cache.in_scope(Scope::Of(ScopeId::new(scope)));
        cache.set("removed", scope).await.unwrap().accept_queued();
    }
    SCOPE
        .scope(2, async {
            assert_eq!(
                *load.await.unwrap(),
                1,
                "the factory runs in the captured scope"
            );
            write.await.unwrap().accept_queued();
            remove.await.unwrap().accept_queued();
        })
        .await;
    assert_eq!(in_two("loaded").await, None);
    assert_eq!(in_two("written").await, None);
    assert_eq!(in_two("removed").await.as_deref(), Some(&2));
}

#[tokio::test(start_paused = true)]
async fn the_scope_travels_into_an_eager_refresh() {
    let cache = scoped();
    let one = cache.in_scope(Scope::Of(ScopeId::new(1)));
    one.set("key", 0_u32).await.unwrap().accept_queued();
    pass(4 * MINUTE + SECOND).await;
    one.get_or_set("key", own_scope).await.unwrap();
    settle().await;
    assert_eq!(one.peek::<_, u32>("key").unwrap().as_deref(), Some(&1));
}

#[tokio::test(start_paused = true)]
async fn without_a_scope_every_verb_is_an_error_that_names_the_key_and_the_way_out() {
    let (cache, source) = (scoped(), Source::open());
    let errors = [
        cache.get_or_set("key", source.gives(1_u32)).await.err(),
        cache.get::<_, u32>("key").await.err(),
        cache.peek::<_, u32>("key").err(),
        cache.set("key", 1_u32).await.err(),
        cache.remove("key").await.err(),
        cache.expire("key").await.err(),
    ];
    for error in errors {
        let message = error.unwrap().to_string();
        assert_eq!(
            message,
            "no scope for key \"plain:key\": wrap the call in SCOPE.scope"
        );
    }
    assert!(cache.remove_by_tag("red").await.is_err());
    assert!(cache.clear().await.is_err());
    assert_eq!(source.runs(), 0);
    let shared = cache.in_scope(Scope::Shared);
    assert_eq!(
        *shared.get_or_set("key", source.gives(1_u32)).await.unwrap(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn scopes_share_no_entry_no_flight_and_no_purge() {
    let cache = scoped();
    let of = |scope| cache.in_scope(Scope::Of(ScopeId::new(scope)));
    let (slow, open) = (Source::gated(), Source::open());
    let one = read(&of(1), &slow, 1);
    settle().await;
    assert_eq!(read(&of(2), &open, 2).await.unwrap().unwrap().0, 2);
    slow.let_through().await;
    assert_eq!(one.await.unwrap().unwrap().0, 1);
    of(1).remove_by_tag("red").await.unwrap().accept_queued();
    assert_eq!(of(1).get::<_, u32>("key").await.unwrap(), None);
    assert_eq!(
        of(2).get::<_, u32>("key").await.unwrap().as_deref(),
        Some(&2)
    );
    of(1).clear().await.unwrap().accept_queued();
    assert!(of(2).peek::<_, u32>("key").unwrap().is_some());
    cache.clear_all_scopes().await.unwrap().accept_queued();
    assert!(of(2).peek::<_, u32>("key").unwrap().is_none());
}
