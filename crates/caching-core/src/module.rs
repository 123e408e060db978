//! The cache as a module of an app host.

mod named;
mod warm_up;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use app_host::{
    AppContext, BoxError, ConfigureContext, Health, MissingService, Module, ServiceBuilder,
    Services, async_trait,
};

use crate::cache::{HybridCache, HybridCacheBuilder, Plaintext};
use crate::config::CacheConfig;

pub use self::named::{CacheName, Named, NamedCacheBuilder, NamedCacheModule};
pub use self::warm_up::{WarmUp, WarmUpContext, WarmUpProgress};

/// The section of encryption. It is declared here as well, since what it says of plaintext is this
/// module's to decide.
const ENCRYPTION: &str = "cache.encryption";

/// How long factories that still run may go on once the application stops. The host bounds the stop
/// as a whole; this leaves the modules that stop later their share.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the start waits for the shared store. Without it, the application starts all the same.
const START: Duration = Duration::from_secs(2);

/// Provides a [`HybridCache`] that is configured by the section `[cache]`.
///
/// Other modules contribute to its [`HybridCacheBuilder`] before it is built, once.
///
/// ```
/// use app_host::{App, ConfigFormat};
/// use caching_core::{CachingModule, HybridCache};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::builder()
///     .module::<CachingModule>()
///     .config_str(ConfigFormat::Toml, "cache.defaults.duration = '15m'")
///     .build()
///     .await?;
/// let cache = app.services().get::<HybridCache>()?;
/// cache.set("greeting", String::from("hello")).await?.accept_queued();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CachingModule;

#[async_trait]
impl Module for CachingModule {
    fn name(&self) -> &'static str {
        "caching"
    }

    fn sections(&self) -> &'static [&'static str] {
        &["cache", ENCRYPTION]
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let config: CacheConfig = cx.section("cache")?;
        for shared in shared_kinds(inventory::iter::<KnownKind>) {
            tracing::warn!("{shared}; where they meet in one cache, equal texts name one entry");
        }
        check_profiles(&config, "cache")?;
        let plaintext = plaintext(cx)?;
        cx.provide(WarmUp::new(config.warm_up.clone()));
        let builder = HybridCache::builder()
            .config(config)
            .default_key_prefix(cx.app_name())
            .plaintext(plaintext);
        cx.provide(builder);
        let is_production = cx.environment().is_production();
        cx.health_check("cache", move |services| {
            let health = health_of(&services, is_production)
                .unwrap_or_else(|missing| Health::down(missing.to_string()));
            async { health }
        });
        Ok(())
    }

    async fn start(&self, cx: &AppContext) -> Result<(), BoxError> {
        let cache = cx.services().get::<HybridCache>()?;
        if !cache.start(START).await {
            tracing::warn!(
                "the shared store does not answer; the application starts without it and goes on trying"
            );
        }
        cx.services().get::<WarmUpProgress>()?.begin(cx, &cache);
        Ok(())
    }

    async fn stop(&self, cx: &AppContext) -> Result<(), BoxError> {
        let cache = cx.services().get::<HybridCache>()?;
        if !cache.stop(DRAIN).await {
            tracing::warn!("factories still ran when the application stopped and were dropped");
        }
        Ok(())
    }
}

/// Whether values may leave the process unencrypted.
///
/// The cache decides that and not the module that encrypts: that one is disabled, or missing, where it
/// matters.
fn plaintext(cx: &ConfigureContext<'_>) -> Result<Plaintext, BoxError> {
    let setting = format!("{ENCRYPTION}.allow_plaintext");
    let is_allowed = cx.config().get::<bool>(&setting)?.unwrap_or(false);
    Ok(if is_allowed {
        Plaintext::Allowed
    } else if cx.environment().is_production() {
        Plaintext::Refused
    } else {
        Plaintext::Warned
    })
}

/// What readiness says while the cache is warmed up, and once it has been.
fn health_of(services: &Services, is_production: bool) -> Result<Health, MissingService> {
    let cache = services.get::<HybridCache>()?;
    let warm_up = services.get::<WarmUpProgress>()?;
    Ok(warm_up
        .health()
        .unwrap_or_else(|| health(&cache, is_production)))
}

/// What readiness says of the cache: it serves in any case, if need be from the source.
fn health(cache: &HybridCache, is_production: bool) -> Health {
    let Some(status) = cache.shared_status() else {
        return match is_production {
            true => Health::degraded(
                "no shared store: right on one process only, since others do not hear of its writes",
            ),
            false => Health::Up,
        };
    };
    if status.queued > 0 {
        Health::Degraded(format!(
            "{} invalidations wait to be sent to {}",
            status.queued, status.l2
        ))
    } else if !status.is_current() {
        Health::Degraded(format!(
            "{} does not answer; values come from the source",
            status.l2
        ))
    } else if !status.is_hearing {
        Health::Degraded(format!(
            "notices of {} are not heard; polls replace them",
            status.l2
        ))
    } else {
        Health::Up
    }
}

#[async_trait]
impl ServiceBuilder for HybridCacheBuilder {
    type Service = HybridCache;

    async fn build(self, _: &Services) -> Result<HybridCache, BoxError> {
        Ok(Self::build(self)?)
    }
}

/// A kind that a key of this program has, submitted by `derive(CacheKey)`.
#[doc(hidden)]
pub struct KnownKind {
    /// The kind.
    pub kind: &'static str,
    /// The path of the key's type.
    pub key: &'static str,
}

inventory::collect!(KnownKind);

/// The kinds that two keys have: equal texts of theirs name one entry.
///
/// It is told and not refused, since the registry is that of the whole binary: a test binary may hold
/// keys of several programs that never meet in one cache.
fn shared_kinds<'a>(known: impl IntoIterator<Item = &'a KnownKind>) -> Vec<String> {
    let mut keys: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for known in known {
        keys.entry(known.kind).or_default().insert(known.key);
    }
    keys.iter()
        .filter(|(_, keys)| keys.len() > 1)
        .map(|(kind, keys)| {
            let keys: Vec<&str> = keys.iter().copied().collect();
            format!("`{kind}` is the kind of {}", keys.join(" and of "))
        })
        .collect()
}

/// Refuses profiles that no key of this program can have: they would silently do nothing.
fn check_profiles(config: &CacheConfig, section: &str) -> Result<(), BoxError> {
    let known: BTreeSet<&str> = inventory::iter::<KnownKind>
        .into_iter()
        .map(|known| known.kind)
        .chain([crate::key::KeyKind::PLAIN.name()])
        .collect();
    let unknown: Vec<String> = config
        .profiles
        .keys()
        .filter(|kind| !known.contains(kind.as_str()))
        .map(|kind| format!("`{section}.profiles.{kind}`"))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: Vec<&str> = known.into_iter().collect();
    Err(format!(
        "{} is for a kind that no key in this program has; the kinds are: {}",
        unknown.join(", "),
        known.join(", ")
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_keys_of_one_kind_are_told_by_their_names() {
        let known = |kind, key| KnownKind { kind, key };
        let found = shared_kinds(&[
            known("invoice", "shop::ById"),
            known("invoice", "shop::ByNumber"),
            known("customer", "shop::CustomerKey"),
        ]);
        assert_eq!(
            found,
            ["`invoice` is the kind of shop::ById and of shop::ByNumber"]
        );
    }
}
