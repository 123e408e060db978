//! Pods of one application, built as programs build them, and a source of truth behind them.

#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test file uses some of it"
)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]

mod lines;
mod network;
mod record;
mod source;
mod write;

use std::future::Future;
use std::ops::Deref;
use std::task::Poll;
use std::time::Duration;

use app_host::{App, ConfigFormat};
use caching_core::{CachingModule, HybridCache, Level, Outcome};
use caching_redis::CachingRedisModule;
use caching_testkit::{RedisReply, RedisServer};

pub use self::lines::Lines;
pub use self::network::{deaf_url, mute, reads, through};
pub use self::record::{is_marked_expired, plain, value_in};
pub use self::source::Source;
pub use self::write::{
    INVALIDATIONS, Reading, agree, fill, has_heard, have_heard, heard_of, invalidate, read_behind,
    read_broken, read_with,
};

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
        Self::at(&server.url(), settings).await
    }

    /// The same, by way of this URL.
    pub async fn at(url: &str, settings: &str) -> Self {
        let app = build(&format!("cache.redis.url = \"{url}\"\n{settings}"))
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

/// Lets futures go on side by side until all have ended.
pub async fn together<F: Future<Output = ()>>(futures: impl IntoIterator<Item = F>) {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    std::future::poll_fn(|cx| {
        running.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        match running.is_empty() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
