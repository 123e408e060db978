//! An application with a named cache, on a real server: two parts of one Redis that do not touch.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use app_host::{App, ConfigFormat};
use app_support::*;
use caching_core::{CacheName, CachingModule, HybridCache, Named, NamedCacheModule};
use caching_redis::CachingRedisModule;
use caching_testkit::RedisServer;

enum Reports {}

impl CacheName for Reports {
    const NAME: &'static str = "reports";
}

struct Pair {
    app: App,
    main: HybridCache,
    reports: Named<Reports>,
}

async fn start(server: &RedisServer) -> Pair {
    let app = App::builder()
        .name("shop")
        .module::<CachingModule>()
        .module::<CachingRedisModule>()
        .module::<NamedCacheModule<Reports>>()
        .without_environment_variables()
        .config_str(
            ConfigFormat::Toml,
            format!(
                "cache.encryption.allow_plaintext = true\ncache.redis.url = \"{}\"",
                server.url()
            ),
        )
        .build()
        .await
        .unwrap();
    app.start().await.unwrap();
    Pair {
        main: app.services().get().unwrap(),
        reports: app.services().get().unwrap(),
        app,
    }
}

async fn read(cache: &HybridCache) -> Option<u64> {
    cache
        .get::<_, u64>("key")
        .await
        .unwrap()
        .as_deref()
        .copied()
}

#[tokio::test]
async fn a_named_cache_has_a_part_of_the_server_that_no_other_cache_touches() {
    let server = RedisServer::start().await.unwrap();
    let (one, other) = (start(&server).await, start(&server).await);
    one.main.set("key", 1_u64).await.unwrap().accept_queued();
    one.reports.set("key", 2_u64).await.unwrap().accept_queued();
    assert_eq!(
        (read(&other.main).await, read(&other.reports).await),
        (Some(1), Some(2))
    );
    assert!(exists(&server, "{shop}:shared:plain:key").await);
    assert!(exists(&server, "{shop.reports}:shared:plain:key").await);

    one.reports.clear().await.unwrap().accept_queued();
    until("the other pod has heard of it", async || {
        read(&other.reports).await.is_none()
    })
    .await;
    assert_eq!(
        (read(&one.main).await, read(&other.main).await),
        (Some(1), Some(1))
    );
    assert!(one.app.stop().await.is_clean());
    assert!(other.app.stop().await.is_clean());
}
