//! Scopes: whose entries a call is about, and what others see of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::sync::Arc;

use caching_core::{
    BoxFuture, CacheBuildErrors, HybridCache, KeyScope, MemoryStore, NoScope, Plaintext,
    SHARED_SCOPE_TEXT, Scope, ScopeId,
};
use support::pods::{moment, pod, store};
use support::{MINUTE, SECOND, Source, cache, pass, settle};

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
        match id {
            ScopeId::SHARED => SHARED_SCOPE_TEXT.into(),
            id => format!("n:{}", id.as_u32()).into(),
        }
    }

    fn parse(&self, text: &str) -> Result<ScopeId, NoScope> {
        if text == SHARED_SCOPE_TEXT {
            return Ok(ScopeId::SHARED);
        }
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
    let read = |scope, source: &Source| {
        let (cache, source) = (of(scope), source.clone());
        tokio::spawn(async move {
            let load = cache
                .get_or_set("key", source.gives(scope))
                .tags(|| ["red"]);
            load.await.map(|value| *value)
        })
    };
    let one = read(1, &slow);
    settle().await;
    assert_eq!(read(2, &open).await.unwrap().unwrap(), 2);
    slow.let_through().await;
    assert_eq!(one.await.unwrap().unwrap(), 1);
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

#[tokio::test(start_paused = true)]
async fn scopes_that_calls_number_share_nothing_without_a_key_scope_either() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let of = |cache: &HybridCache, scope| cache.in_scope(Scope::Of(ScopeId::new(scope)));
    for scope in [0, 1, 2] {
        let cache = of(&a, scope);
        let set = cache.set("key", scope).tags(["red"]);
        set.await.unwrap().accept_queued();
    }
    moment().await;
    let read = async |cache: &HybridCache, scope| {
        let read = of(cache, scope).get::<_, u32>("key").await;
        read.unwrap().as_deref().copied()
    };
    for scope in [0, 1, 2] {
        assert_eq!(read(&b, scope).await, Some(scope), "what another one put");
    }
    of(&a, 1)
        .remove_by_tag("red")
        .await
        .unwrap()
        .accept_queued();
    of(&a, 2).clear().await.unwrap().accept_queued();
    moment().await;
    for pod in [&a, &b] {
        let left = [read(pod, 0).await, read(pod, 1).await, read(pod, 2).await];
        assert_eq!(left, [Some(0), None, None]);
    }
}

#[tokio::test(start_paused = true)]
async fn more_purges_than_are_remembered_of_one_scope_leave_anothers_entries() {
    let cache = cache();
    let of = |scope| cache.in_scope(Scope::Of(ScopeId::new(scope)));
    let purge = async |tags: std::ops::Range<u32>| {
        for n in tags {
            let purge = of(1).remove_by_tag(format!("tag {n}"));
            purge.await.unwrap().accept_queued();
        }
    };
    purge(0..65_530).await;
    of(2).set("key", 1_u32).await.unwrap().accept_queued();
    purge(65_530..65_540).await;
    assert!(of(2).peek::<_, u32>("key").unwrap().is_some());
}

/// Writes this for the scope of what is shared, and reads that as it.
struct Misnamed {
    writes: &'static str,
    reads: &'static str,
}

impl KeyScope for Misnamed {
    fn current(&self) -> Result<ScopeId, NoScope> {
        Ok(ScopeId::new(1))
    }

    fn text(&self, id: ScopeId) -> Arc<str> {
        match id {
            ScopeId::SHARED => self.writes.into(),
            _ => "one".into(),
        }
    }

    fn parse(&self, text: &str) -> Result<ScopeId, NoScope> {
        match text {
            text if text == self.reads => Ok(ScopeId::SHARED),
            "one" => Ok(ScopeId::new(1)),
            _ => Err(NoScope::new("there is one scope, `one`")),
        }
    }

    fn enter<'a>(&self, _: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        work
    }
}

#[test]
fn a_scope_that_names_what_is_shared_otherwise_than_other_pods_is_refused_beside_a_store() {
    let build = |writes, reads| -> Result<HybridCache, CacheBuildErrors> {
        HybridCache::builder()
            .key_scope(Misnamed { writes, reads })
            .default_key_prefix("test")
            .plaintext(Plaintext::Allowed)
            .l2(MemoryStore::new().l2())
            .build()
    };
    assert!(build(SHARED_SCOPE_TEXT, SHARED_SCOPE_TEXT).is_ok());
    for (writes, reads) in [
        ("n:0", "n:0"),
        (SHARED_SCOPE_TEXT, "n:0"),
        ("n:0", SHARED_SCOPE_TEXT),
    ] {
        let refusal = build(writes, reads).unwrap_err().to_string();
        assert!(refusal.contains(&format!("`{writes}`")), "{refusal}");
        assert!(refusal.contains("`SHARED_SCOPE_TEXT`"), "{refusal}");
    }
    let alone = HybridCache::builder().key_scope(Misnamed {
        writes: "n:0",
        reads: "n:0",
    });
    assert!(alone.build().is_ok(), "nobody else has to read it");
}
