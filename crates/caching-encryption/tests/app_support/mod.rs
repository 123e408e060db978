//! Applications that encrypt, over one real server, and every byte that stands there.

#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

pub mod log;
pub mod spy;

use std::collections::BTreeMap;
use std::io;
use std::ops::Deref;
use std::time::Duration;

use app_host::{App, AppBuilder, ConfigFormat};
use caching_core::{CacheError, CachingModule, HybridCache, Level, Outcome};
use caching_encryption::CachingEncryptionModule;
use caching_redis::CachingRedisModule;
use caching_tenancy::{CachingTenancyModule, Tenant, TenantId};
use caching_testkit::RedisServer;

/// Keys, for tests.
pub const ONE: &str = "q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k=";
pub const TWO: &str = "7hSMrLq2ZrQ5N5CN8kN0dBYd9dVFQTQhSXKkzMGUG3g=";

/// What every value here begins with, and nothing else does.
pub const SECRET: &str = "SECRET-4711";

/// What every record of this crate begins with, behind the header of its envelope.
pub const MAGIC: &[u8] = b"\xC1XG\x01";

pub const L1_HIT: Outcome = hit(Level::L1);
pub const L2_HIT: Outcome = hit(Level::L2);

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
    /// With one key.
    pub async fn start(server: &RedisServer) -> Self {
        Self::with(server, &key(ONE)).await
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

    /// Reads a tenant's text, loaded where it has to be, and how it came.
    pub async fn read(&self, tenant: &str, key: &str) -> Outcome {
        let value = text(tenant, key);
        let load = move |_| async { Ok::<_, io::Error>(value) };
        let read = async { self.get_or_set(key, load).detailed().await };
        let cached = as_tenant(tenant, read).await.unwrap();
        assert_eq!(*cached.value, text(tenant, key));
        cached.outcome
    }

    /// Reads it where the source is away.
    pub async fn read_broken(&self, tenant: &str, key: &str) -> Result<Outcome, CacheError> {
        let load = |_| async { Err::<String, _>(io::Error::other("the source is away")) };
        let read = async { self.get_or_set(key, load).detailed().await };
        let cached = as_tenant(tenant, read).await?;
        assert_eq!(*cached.value, text(tenant, key));
        Ok(cached.outcome)
    }

    /// Reads it and keeps nothing, so that the next read looks into Redis again.
    pub async fn look(&self, tenant: &str, key: &str) -> Outcome {
        let value = text(tenant, key);
        let load = move |mut cx: caching_core::FactoryContext| async move {
            cx.do_not_store();
            Ok::<_, io::Error>(value)
        };
        let read = async { self.get_or_set(key, load).detailed().await };
        as_tenant(tenant, read).await.unwrap().outcome
    }
}

/// An application named `shop` that takes tenants as they come.
pub fn builder(url: &str, settings: &str) -> AppBuilder {
    log::watch();
    App::builder()
        .name("shop")
        .module::<CachingModule>()
        .module::<CachingRedisModule>()
        .module::<CachingEncryptionModule>()
        .module::<CachingTenancyModule>()
        .without_environment_variables()
        .config_str(
            ConfigFormat::Toml,
            format!(
                "cache.redis.url = \"{url}\"\ncache.tenancy.unknown = \"accept\"\n\
                 cache.defaults.eager_refresh = \"off\"\n{settings}"
            ),
        )
}

/// The setting of one key.
pub fn key(key: &str) -> String {
    format!("cache.encryption.key = \"{key}\"")
}

pub async fn as_tenant<F: Future>(name: &str, work: F) -> F::Output {
    Tenant::scope(TenantId::parse(name).unwrap(), work).await
}

/// A tenant's value of a key.
pub fn text(tenant: &str, key: &str) -> String {
    format!("{SECRET} {key} of {tenant}")
}

/// The name of a tenant's record in Redis.
pub fn record(tenant: &str, key: &str) -> String {
    format!("{{shop}}:t:{tenant}:plain:{key}")
}

/// All records of an application in Redis, each with the field and the bytes of its value.
pub async fn records(server: &RedisServer) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut records = BTreeMap::new();
    let reply = server.command(["KEYS", "*"]).await.unwrap();
    for name in reply.items().iter().filter_map(|name| name.text()) {
        if !name.contains("}:@") {
            // Without a value it was removed meanwhile.
            records.extend(value(server, name).await.map(|value| (name.into(), value)));
        }
    }
    records
}

async fn value(server: &RedisServer, record: &str) -> Option<(String, Vec<u8>)> {
    let segments = server.record(record).await.unwrap()?.segments;
    let segment = segments.into_iter().next()?;
    Some((segment.field, segment.payload))
}

/// The field and the bytes of the value of a record, once it is there.
pub async fn stored(server: &RedisServer, record: &str) -> (String, Vec<u8>) {
    let mut found = None;
    until("the record is there", async || {
        found = value(server, record).await;
        found.is_some()
    })
    .await;
    found.unwrap()
}

/// Puts bytes into a record, as somebody who can write to Redis.
pub async fn plant(server: &RedisServer, record: &str, field: &str, value: &[u8]) {
    let mut altered = server.record(record).await.unwrap().unwrap();
    altered.segment_mut(field).unwrap().payload = value.to_vec();
    server.set_record(record, &altered).await.unwrap();
}

pub fn holds(bytes: &[u8], part: impl AsRef<[u8]>) -> bool {
    let part = part.as_ref();
    bytes.windows(part.len()).any(|window| window == part)
}

/// The sealed part of a value: what names its key, its nonce, and the rest.
pub fn sealed(value: &[u8]) -> [&[u8]; 3] {
    let start = value.windows(4).position(|window| window == MAGIC).unwrap() + MAGIC.len();
    let (key, rest) = value[start..].split_at(8);
    let (nonce, rest) = rest.split_at(24);
    [key, nonce, rest]
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
