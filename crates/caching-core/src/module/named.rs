//! A cache with a name and settings of its own, as a module of an app host.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use app_host::{
    AppContext, BoxError, ConfigureContext, Dependencies, Health, Module, ServiceBuilder, Services,
    async_trait,
};
use serde::de::IgnoredAny;

use crate::cache::{HybridCache, HybridCacheBuilder};
use crate::config::{CacheConfig, WarmUpConfig};
use crate::key::is_lower_snake;
use crate::module::{CachingModule, DRAIN, START, check_profiles, health};

/// The name of a cache, as a type by which its service is found.
///
/// ```
/// use caching_core::CacheName;
///
/// enum Reports {}
///
/// impl CacheName for Reports {
///     const NAME: &'static str = "reports";
/// }
/// ```
pub trait CacheName: Send + Sync + 'static {
    /// The name: `lower_snake`, for configuration and key prefix.
    const NAME: &'static str;
}

/// A cache that has a name: a [`HybridCache`] of its own, found in the services by the type of its name.
pub struct Named<N> {
    cache: HybridCache,
    name: PhantomData<fn() -> N>,
}

/// Provides a [`Named`] cache that is configured by the section `[caches.NAME]`, which knows what `[cache]`
/// knows.
///
/// It stands [beside](HybridCache::beside) the cache of [`CachingModule`]: tenants, encryption and, where
/// that cache has one, the server of the shared store are the same. Entries, room, settings, counters, key
/// prefix and invalidations are its own.
///
/// ```
/// use app_host::{App, ConfigFormat};
/// use caching_core::{CacheName, Named, NamedCacheModule};
///
/// enum Reports {}
///
/// impl CacheName for Reports {
///     const NAME: &'static str = "reports";
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::builder()
///     .module::<NamedCacheModule<Reports>>()
///     .config_str(ConfigFormat::Toml, "caches.reports.l1.max_entries = 50")
///     .build()
///     .await?;
/// let reports = app.services().get::<Named<Reports>>()?;
/// reports.set("may", String::from("…")).await?.accept_queued();
/// # Ok(())
/// # }
/// ```
pub struct NamedCacheModule<N>(PhantomData<fn() -> N>);

/// A named cache that is being put together; other modules contribute to it.
#[must_use]
pub struct NamedCacheBuilder<N> {
    config: CacheConfig,
    /// The names in the configuration, this one among them or not.
    sections: Vec<String>,
    changes: Vec<Change>,
    name: PhantomData<fn() -> N>,
}

/// Where the sections of named caches stand.
const SECTIONS: &str = "caches";

type Change = Box<dyn FnOnce(HybridCacheBuilder) -> HybridCacheBuilder + Send>;

impl<N> Named<N> {
    /// The cache, without its name.
    #[must_use]
    pub fn cache(&self) -> &HybridCache {
        &self.cache
    }
}

impl<N> NamedCacheBuilder<N> {
    /// Changes the builder of the cache before it is built: gives it a codec of its own, say.
    pub fn change(
        mut self,
        change: impl FnOnce(HybridCacheBuilder) -> HybridCacheBuilder + Send + 'static,
    ) -> Self {
        self.changes.push(Box::new(change));
        self
    }
}

#[async_trait]
impl<N: CacheName> Module for NamedCacheModule<N> {
    fn name(&self) -> &'static str {
        N::NAME
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        if !is_lower_snake(N::NAME) {
            return Err(format!(
                "`{}` is no name of a cache: names are lower_snake, so that configuration can hold them",
                N::NAME
            )
            .into());
        }
        let section = section::<N>();
        let config: CacheConfig = cx.section(&section)?;
        check_profiles(&config, &section)?;
        if config.warm_up != WarmUpConfig::default() {
            return Err(format!(
                "`{section}.warm_up` would do nothing: one warm-up is for all caches; set `cache.warm_up`"
            )
            .into());
        }
        let sections: Option<BTreeMap<String, IgnoredAny>> = cx.config().get(SECTIONS)?;
        cx.contribute(|main: HybridCacheBuilder| Ok(main.expect_beside(N::NAME)));
        cx.provide(NamedCacheBuilder::<N> {
            config,
            sections: sections.unwrap_or_default().into_keys().collect(),
            changes: Vec::new(),
            name: PhantomData,
        });
        let is_production = cx.environment().is_production();
        cx.health_check(format!("cache {}", N::NAME), move |services| {
            let health = match services.get::<Named<N>>() {
                Ok(cache) => health(&cache, is_production),
                Err(missing) => Health::down(missing.to_string()),
            };
            async { health }
        });
        Ok(())
    }

    async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
        let cache = cx.services().get::<Named<N>>()?;
        if !cache.start(START).await {
            tracing::warn!(
                cache = N::NAME,
                "the shared store does not answer; the application starts without it and goes on trying"
            );
        }
        Ok(())
    }

    async fn stop(&self, cx: &AppContext) -> Result<(), BoxError> {
        let cache = cx.services().get::<Named<N>>()?;
        if !cache.stop(DRAIN).await {
            tracing::warn!(
                cache = N::NAME,
                "factories still ran when the application stopped and were dropped"
            );
        }
        Ok(())
    }
}

#[async_trait]
impl<N: CacheName> ServiceBuilder for NamedCacheBuilder<N> {
    type Service = Named<N>;

    async fn build(self, services: &Services) -> Result<Named<N>, BoxError> {
        let main = services.get::<HybridCache>()?;
        check_sections::<N>(&self.sections, main.names_beside())?;
        let mut builder = main.beside(N::NAME)?.config(self.config);
        for change in self.changes {
            builder = change(builder);
        }
        let cache = builder.build().map_err(|problems| {
            format!(
                "the section `{}` stands for `cache` here: {problems}",
                section::<N>()
            )
        })?;
        if cache.key_prefix() == main.key_prefix() {
            return Err(format!(
                "`{}.key_prefix` is that of the cache beside it, so that the two would be one in the \
                 shared store; set another, or none",
                section::<N>()
            )
            .into());
        }
        Ok(Named {
            cache,
            name: PhantomData,
        })
    }
}

fn section<N: CacheName>() -> String {
    format!("{SECTIONS}.{}", N::NAME)
}

/// Refuses sections of caches that no module provides; one of the modules does so for all.
fn check_sections<N: CacheName>(sections: &[String], names: &[&str]) -> Result<(), BoxError> {
    let unknown = sections
        .iter()
        .find(|section| !names.contains(&section.as_str()));
    match unknown {
        Some(unknown) if names.first() == Some(&N::NAME) => Err(format!(
            "`{SECTIONS}.{unknown}` is for a cache that no module provides; the caches are: {}",
            names.join(", ")
        )
        .into()),
        _ => Ok(()),
    }
}

// By hand, since a derive would ask all of it of the name.
impl<N> Clone for Named<N> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            name: PhantomData,
        }
    }
}

impl<N> Deref for Named<N> {
    type Target = HybridCache;

    fn deref(&self) -> &HybridCache {
        &self.cache
    }
}

impl<N: CacheName> fmt::Debug for Named<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(N::NAME).field(&self.cache).finish()
    }
}

impl<N> Default for NamedCacheModule<N> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<N: CacheName> fmt::Debug for NamedCacheModule<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NamedCacheModule").field(&N::NAME).finish()
    }
}

impl<N: CacheName> fmt::Debug for NamedCacheBuilder<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedCacheBuilder")
            .field("name", &N::NAME)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
