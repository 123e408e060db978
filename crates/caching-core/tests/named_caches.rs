//! Several caches in one application: found by name, with settings, counters and invalidations of their own.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use app_host::{App, BoxError, ConfigFormat, ConfigureContext, Dependencies, Module};
use caching_core::{
    BoxFuture, CacheName, CachingModule, HybridCache, HybridCacheBuilder, KeyScope, MemoryStore,
    Named, NamedCacheModule, NoScope, Plaintext, Scope, ScopeId, TokioClock,
};
use std::sync::Arc;
use support::pods::store;
use support::{MINUTE, SECOND, pass};

enum Reports {}

impl CacheName for Reports {
    const NAME: &'static str = "reports";
}

enum Pictures {}

impl CacheName for Pictures {
    const NAME: &'static str = "pictures";
}

enum Odd {}

impl CacheName for Odd {
    const NAME: &'static str = "Odd-Name";
}

/// Pauses time for the caches, and has them share a store, each its own part.
struct OnStore(Option<MemoryStore>);

impl Module for OnStore {
    fn name(&self) -> &'static str {
        "on a store"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let store = self.0.clone();
        cx.contribute(|cache: HybridCacheBuilder| {
            let cache = cache.clock(TokioClock::new()).plaintext(Plaintext::Allowed);
            Ok(match store {
                None => cache,
                Some(store) => cache
                    .l2(store.l2())
                    .backplane(store.backplane())
                    .levels_beside(move || Ok((store.l2(), store.backplane()))),
            })
        });
        Ok(())
    }
}

struct Running {
    app: App,
    main: HybridCache,
    reports: Named<Reports>,
    pictures: Named<Pictures>,
}

async fn built(toml: &str, store: Option<MemoryStore>) -> Result<Running, String> {
    let app = App::builder()
        .with_module(OnStore(store))
        .module::<NamedCacheModule<Reports>>()
        .module::<NamedCacheModule<Pictures>>()
        .config_str(ConfigFormat::Toml, toml)
        .without_environment_variables()
        .build()
        .await
        .map_err(|errors| errors.to_string())?;
    Ok(Running {
        main: app.services().get().unwrap(),
        reports: app.services().get().unwrap(),
        pictures: app.services().get().unwrap(),
        app,
    })
}

async fn started(toml: &str, store: Option<MemoryStore>) -> Running {
    let running = built(toml, store).await.unwrap();
    running.app.start().await.unwrap();
    running
}

impl Running {
    /// The caches, with different values under one key and one tag.
    async fn filled(self) -> Self {
        for (value, cache) in self.all().into_iter().enumerate() {
            let set = cache.set("key", value).tags(["red"]);
            set.await.unwrap().accept_queued();
        }
        self
    }

    fn all(&self) -> [&HybridCache; 3] {
        [&self.main, &self.reports, &self.pictures]
    }

    fn kept(&self) -> [Option<usize>; 3] {
        self.all()
            .map(|cache| cache.peek::<_, usize>("key").unwrap().as_deref().copied())
    }
}

#[tokio::test(start_paused = true)]
async fn caches_of_different_names_keep_different_values_under_one_key() {
    let running = started("", None).await.filled().await;
    assert_eq!(running.kept(), [Some(0), Some(1), Some(2)]);
    let stats = running.all().map(|cache| cache.stats().entries);
    assert_eq!(stats, [1, 1, 1], "counted apart");
}

#[tokio::test(start_paused = true)]
async fn no_invalidation_of_one_cache_touches_another() {
    for shared in [false, true] {
        let running = started("", shared.then(store)).await.filled().await;
        let reports = &running.reports;
        reports.remove("key").await.unwrap().accept_queued();
        reports.remove_by_tag("red").await.unwrap().accept_queued();
        reports.expire_all().await.unwrap().accept_queued();
        reports.clear().await.unwrap().accept_queued();
        reports.clear_all_scopes().await.unwrap().accept_queued();
        pass(2 * SECOND).await;
        for cache in [&running.main, &*running.pictures] {
            let kept = cache.get::<_, usize>("key").await.unwrap();
            assert!(kept.is_some(), "with a shared store: {shared}");
        }
        assert_eq!(running.kept()[1], None);
    }
}

#[tokio::test(start_paused = true)]
async fn each_cache_has_settings_of_its_own() {
    let toml = "cache.defaults.duration = '2m'\ncaches.reports.defaults.duration = '1m'";
    let running = started(toml, None).await.filled().await;
    pass(MINUTE).await;
    assert_eq!(running.kept(), [Some(0), None, Some(2)], "by its own");
    pass(MINUTE).await;
    assert_eq!(running.kept(), [None, None, Some(2)], "by what is built in");
}

#[tokio::test(start_paused = true)]
async fn named_caches_share_the_store_of_the_main_one_each_with_a_prefix_of_its_own() {
    let store = store();
    let running = started("cache.key_prefix = 'shop'", Some(store.clone())).await;
    let prefixes = running.all().map(HybridCache::key_prefix);
    assert_eq!(prefixes, ["shop", "shop.reports", "shop.pictures"]);
    let running = running.filled().await;
    let other = started("cache.key_prefix = 'shop'", Some(store)).await;
    for (value, cache) in other.all().into_iter().enumerate() {
        let read = cache.get::<_, usize>("key").await.unwrap();
        assert_eq!(read.as_deref(), Some(&value), "of another pod");
    }
    running.reports.remove("key").await.unwrap().accept_queued();
    pass(2 * SECOND).await;
    assert_eq!(
        other.kept(),
        [Some(0), None, Some(2)],
        "heard by its namesake"
    );
}

/// One scope, whatever the call: to be recognised.
struct Somebody;

impl KeyScope for Somebody {
    fn current(&self) -> Result<ScopeId, NoScope> {
        Ok(ScopeId::new(7))
    }

    fn text(&self, id: ScopeId) -> Arc<str> {
        match id {
            ScopeId::SHARED => "shared".into(),
            _ => "t:somebody".into(),
        }
    }

    fn parse(&self, _: &str) -> Result<ScopeId, NoScope> {
        Ok(ScopeId::new(7))
    }

    fn enter<'a>(&self, _: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        work
    }
}

#[tokio::test(start_paused = true)]
async fn a_cache_beside_another_has_its_scopes_and_its_clock() {
    let main = HybridCache::builder()
        .key_scope(Somebody)
        .clock(TokioClock::new())
        .build()
        .unwrap();
    let beside = main.beside("reports").unwrap().build().unwrap();
    beside.set("key", 1_u32).await.unwrap().accept_queued();
    let shared = beside.in_scope(Scope::Shared);
    assert!(shared.peek::<_, u32>("key").unwrap().is_none());
    let of_somebody = beside.in_scope(Scope::Of(ScopeId::new(7)));
    assert!(of_somebody.peek::<_, u32>("key").unwrap().is_some());
    pass(5 * MINUTE).await;
    assert!(of_somebody.peek::<_, u32>("key").unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn named_caches_start_and_stop_with_their_application() {
    let running = started("", Some(store())).await;
    assert!(running.reports.shared_status().unwrap().is_current());
    assert!(running.app.stop().await.is_clean());
    for cache in running.all() {
        assert!(cache.get::<_, u32>("key").await.is_err(), "stopped");
    }
}

#[tokio::test(start_paused = true)]
async fn settings_of_a_named_cache_that_make_no_sense_are_refused_with_their_section() {
    for (toml, told) in [
        ("caches.reports.l1.max_entries = 0", "caches.reports"),
        (
            "caches.reports.profiles.nobodys.duration = '1m'",
            "caches.reports.profiles.nobodys",
        ),
        ("caches.reports.warm_up.limit = '1s'", "cache.warm_up"),
        (
            "caches.reports.durations = '1s'",
            "caches.reports.durations",
        ),
        (
            "caches.report.key_limit = 1",
            "the caches are: reports, pictures",
        ),
        (
            "cache.key_prefix = 'shop'\ncaches.reports.key_prefix = 'shop'",
            "caches.reports.key_prefix",
        ),
    ] {
        let Err(errors) = built(toml, None).await else {
            unreachable!("{toml} was taken");
        };
        assert!(errors.contains(told), "{toml}: {errors}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_configuration_cannot_hold_is_refused() {
    let app = App::builder()
        .module::<NamedCacheModule<Odd>>()
        .config_str(ConfigFormat::Toml, "")
        .build()
        .await;
    let errors = app.unwrap_err().to_string();
    assert!(
        errors.contains("`Odd-Name` is no name of a cache"),
        "{errors}"
    );
}
