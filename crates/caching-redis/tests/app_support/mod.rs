//! Pods of one application, built as programs build them, and a source of truth behind them.

#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]

use std::future::Future;
use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use app_host::{App, ConfigFormat};
use caching_core::{CachingModule, FactoryContext, HybridCache, Level, Outcome};
use caching_redis::CachingRedisModule;
use caching_testkit::{RedisReply, RedisServer};

/// The bound on staleness of the defaults.
pub const BOUND: Duration = Duration::from_secs(1);

pub const L2_HIT: Outcome = Outcome::Hit {
    level: Level::L2,
    stale: false,
};
pub const L1_HIT: Outcome = Outcome::Hit {
    level: Level::L1,
    stale: false,
};
pub const STALE: Outcome = Outcome::Hit {
    level: Level::L1,
    stale: true,
};

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
        Self::with(server, "").await
    }

    /// The same with further settings.
    pub async fn with(server: &RedisServer, settings: &str) -> Self {
        let app = build(&format!(
            "cache.redis.url = \"{}\"\n{settings}",
            server.url()
        ))
        .await
        .unwrap();
        app.start().await.unwrap();
        let cache = app.services().get::<HybridCache>().unwrap();
        Self { app, cache }
    }

    /// Reads a number through the cache, from the source where it must.
    pub async fn read(&self, key: &str, source: &Source) -> (u64, Outcome) {
        let cached = self
            .cache
            .get_or_set(key, source.load())
            .detailed()
            .await
            .unwrap();
        (*cached.value, cached.outcome)
    }

    /// Whether a fresh value is kept here.
    pub fn keeps(&self, key: &str) -> bool {
        self.cache.peek::<_, u64>(key).unwrap().is_some()
    }

    /// What readiness says of a part: `up`, or why not.
    pub async fn health(&self, part: &str) -> String {
        let report = self.app.health().await;
        let check = report
            .checks()
            .iter()
            .find(|check| check.name == part)
            .unwrap();
        check
            .detail
            .clone()
            .unwrap_or_else(|| check.state.to_owned())
    }
}

/// An application named `shop`, with what all tests here leave out.
pub async fn build(settings: &str) -> Result<App, String> {
    let built = App::builder()
        .name("shop")
        .module::<CachingModule>()
        .module::<CachingRedisModule>()
        .without_environment_variables()
        .config_str(
            ConfigFormat::Toml,
            format!(
                "cache.encryption.allow_plaintext = true\n\
                 cache.defaults.eager_refresh = \"off\"\n{settings}"
            ),
        )
        .build()
        .await;
    built.map_err(|error| error.to_string())
}

/// The source of truth: a number.
#[derive(Clone, Default)]
pub struct Source(Arc<State>);

#[derive(Default)]
struct State {
    value: AtomicU64,
    runs: AtomicU64,
    is_broken: AtomicBool,
}

impl Source {
    pub fn of(value: u64) -> Self {
        let source = Self::default();
        source.write(value);
        source
    }

    pub fn write(&self, value: u64) {
        self.0.value.store(value, Ordering::SeqCst);
    }

    pub fn break_down(&self) {
        self.0.is_broken.store(true, Ordering::SeqCst);
    }

    /// How often it was asked.
    pub fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::SeqCst)
    }

    /// A factory that asks it.
    pub fn load(
        &self,
    ) -> impl FnOnce(FactoryContext) -> std::future::Ready<io::Result<u64>> + Send + 'static {
        let state = Arc::clone(&self.0);
        move |_| {
            state.runs.fetch_add(1, Ordering::SeqCst);
            std::future::ready(if state.is_broken.load(Ordering::SeqCst) {
                Err(io::Error::other("the source is broken"))
            } else {
                Ok(state.value.load(Ordering::SeqCst))
            })
        }
    }
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

/// Waits until a record is in Redis.
pub async fn stored(server: &RedisServer, key: &str) {
    for _ in 0..1_000 {
        if exists(server, key).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!(
        "never: {key} in Redis, but {:?}",
        redis(server, ["KEYS", "*"]).await
    );
}

pub async fn exists(server: &RedisServer, key: &str) -> bool {
    redis(server, ["EXISTS", key]).await.integer() == Some(1)
}

pub async fn redis<const N: usize>(server: &RedisServer, words: [&str; N]) -> RedisReply {
    server.command(words).await.unwrap()
}

/// Waits for as long as the bound, for what may be old until then.
pub async fn after_the_bound<T>(then: impl Future<Output = T>) -> T {
    tokio::time::sleep(BOUND).await;
    then.await
}
