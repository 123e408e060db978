//! Applications of many tenants over one real server, and what stands in it.

#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use app_host::{App, AppBuilder, ConfigFormat};
use caching_core::{BoxError, CachingModule, HybridCache, Level, Outcome};
use caching_redis::CachingRedisModule;
use caching_tenancy::{CachingTenancyModule, Tenant, TenantId};
use caching_testkit::RedisServer;

pub const L1_HIT: Outcome = hit(Level::L1);
pub const L2_HIT: Outcome = hit(Level::L2);

/// Nothing is refreshed behind the test's back.
pub const NO_REFRESH: &str = "cache.defaults.eager_refresh = \"off\"";

const fn hit(level: Level) -> Outcome {
    Outcome::Hit {
        level,
        stale: false,
    }
}

/// An application that has started, and its cache.
pub struct Pod {
    pub app: App,
    cache: HybridCache,
}

impl Deref for Pod {
    type Target = HybridCache;

    fn deref(&self) -> &HybridCache {
        &self.cache
    }
}

impl Pod {
    /// With the defaults, but for refreshes that run behind the test's back.
    pub async fn start(server: &RedisServer) -> Self {
        Self::with(server, NO_REFRESH).await
    }

    /// With these settings.
    pub async fn with(server: &RedisServer, settings: &str) -> Self {
        Self::of(builder(&server.url(), settings)).await
    }

    pub async fn of(app: AppBuilder) -> Self {
        let app = app.build().await.unwrap();
        app.start().await.unwrap();
        let cache = app.services().get::<HybridCache>().unwrap();
        Self { app, cache }
    }

    /// What a tenant is given under a key, loaded as [`value_of`] says where it has to be.
    pub async fn read(&self, tenant: &str, key: &str) -> (String, Outcome) {
        as_tenant(tenant, read(self, key)).await
    }

    /// Whether the tenant's value is kept in this process.
    pub fn keeps(&self, tenant: &str, key: &str) -> bool {
        let peek = || self.peek::<_, String>(key).unwrap().is_some();
        Tenant::sync_scope(TenantId::parse(tenant).unwrap(), peek)
    }
}

/// An application named `shop` that takes tenants as they come, and whose values can be read in Redis.
pub fn builder(url: &str, settings: &str) -> AppBuilder {
    App::builder()
        .name("shop")
        .module::<CachingModule>()
        .module::<CachingRedisModule>()
        .module::<CachingTenancyModule>()
        .without_environment_variables()
        .config_str(
            ConfigFormat::Toml,
            format!(
                "cache.redis.url = \"{url}\"\ncache.tenancy.unknown = \"accept\"\n\
                 cache.encryption.allow_plaintext = true\n{settings}"
            ),
        )
}

pub async fn as_tenant<F: Future>(name: &str, work: F) -> F::Output {
    Tenant::scope(TenantId::parse(name).unwrap(), work).await
}

/// A factory's answer: whose value of which key it is, as the factory sees it.
pub fn value_of(key: &str) -> Result<String, BoxError> {
    Ok(format!("<{} of {}>", key, Tenant::current()?))
}

/// Reads for the tenant of the call a value that carries the tag `red`.
pub async fn read(cache: &HybridCache, key: &str) -> (String, Outcome) {
    let name = key.to_owned();
    let load = move |_| async move { value_of(&name) };
    let cached = cache
        .get_or_set(key, load)
        .tags(|| ["red"])
        .detailed()
        .await
        .unwrap();
    (cached.value.to_string(), cached.outcome)
}

/// The name of a tenant's record in Redis.
pub fn record(tenant: &str, key: &str) -> String {
    format!("{{shop}}:t:{tenant}:plain:{key}")
}

/// All records in Redis, each with the bytes of its value.
pub async fn records(server: &RedisServer) -> BTreeMap<String, Vec<u8>> {
    let mut records = BTreeMap::new();
    for name in names(server).await {
        // What the deployment itself keeps.
        if name.starts_with("{shop}:@") {
            continue;
        }
        // Not there any more, or without a value: it was removed meanwhile.
        if let Some(value) = value(server, &name).await {
            records.insert(name, value);
        }
    }
    records
}

/// The names of all keys in Redis.
pub async fn names(server: &RedisServer) -> Vec<String> {
    let reply = server.command(["KEYS", "*"]).await.unwrap();
    let names = reply.items().iter();
    names.map(|name| name.text().unwrap().to_owned()).collect()
}

async fn value(server: &RedisServer, record: &str) -> Option<Vec<u8>> {
    let segments = server.record(record).await.unwrap()?.segments;
    segments.into_iter().next().map(|segment| segment.payload)
}

/// The bytes of the value of a record, once it is there.
pub async fn stored(server: &RedisServer, record: &str) -> Vec<u8> {
    let mut found = None;
    until("the record is there", async || {
        found = value(server, record).await;
        found.is_some()
    })
    .await;
    found.unwrap()
}

pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// Waits until it is so, for 15 seconds at most.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(15), waiting).await;
    assert!(waited.is_ok(), "never: {what}");
}
