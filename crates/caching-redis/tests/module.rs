//! The module in an application.

#![cfg(feature = "host")]

mod support;

use app_host::{App, ConfigFormat};
use caching_core::{CachingModule, HybridCache};
use caching_redis::{CachingRedisModule, LinkStatus, RedisLink};
use caching_testkit::RedisServer;
use support::*;

async fn build(config: &str) -> Result<App, String> {
    let built = App::builder()
        .name("shop")
        .module::<CachingModule>()
        .module::<CachingRedisModule>()
        .config_str(ConfigFormat::Toml, config)
        .build()
        .await;
    built.map_err(|error| error.to_string())
}

const PLAIN: &str = "cache.encryption.allow_plaintext = true\n";

#[tokio::test]
async fn without_a_server_in_the_configuration_it_is_off_and_says_why() -> Done {
    let app = build("").await?;
    let report = app.report().to_string();
    assert!(report.contains("`cache.redis.url` is not set"), "{report}");
    assert!(app.services().get::<RedisLink>().is_err());
    Ok(())
}

#[tokio::test]
async fn required_and_absent_is_refused() {
    let error = build("cache.redis.required = true")
        .await
        .err()
        .unwrap_or_default();
    assert!(error.contains("names no server"), "{error}");
}

#[tokio::test]
async fn an_unknown_setting_is_refused_and_a_password_never_repeated() {
    let error = build("cache.redis.url = 'redis://:secret@h'\ncache.redis.colour = 1").await;
    let error = error.err().unwrap_or_default();
    assert!(
        error.contains("colour") && !error.contains("secret"),
        "{error}"
    );
    let error = build("cache.redis = 'redis://:secret@h'")
        .await
        .err()
        .unwrap_or_default();
    assert!(
        error.contains("expected a table") && !error.contains("secret"),
        "{error}"
    );
    let error =
        build("cache.redis.connection = 'main'\nconnections.main = 'redis://:secret@h'").await;
    let error = error.err().unwrap_or_default();
    assert!(!error.is_empty() && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_value_of_one_application_is_read_by_the_next_one() -> Done {
    let server = RedisServer::start().await?;
    let config = format!("{PLAIN}cache.redis.url = \"{}\"", server.url());
    let one = build(&config).await?;
    let cache = one.services().get::<HybridCache>()?;
    one.start().await?;
    let load = |value: u32| move |_| async move { Ok::<_, std::io::Error>(value) };
    assert_eq!(*cache.get_or_set("total", load(1)).await?, 1);
    until("it is in the store", async || {
        let stored = server
            .command(["EXISTS", "{shop}:shared:plain:total"])
            .await;
        stored.is_ok_and(|reply| reply.integer() == Some(1))
    })
    .await;

    let two = build(&config).await?;
    let cache = two.services().get::<HybridCache>()?;
    two.start().await?;
    assert_eq!(
        *cache.get_or_set("total", load(2)).await?,
        1,
        "the factory ran again"
    );
    one.stop().await;
    two.stop().await;
    let application = redis(&server, ["HGET", "{shop}:@deployment", "application"]).await;
    assert_eq!(application.text(), Some("shop"));
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_down_degrades_readiness_and_stops_nothing() -> Done {
    let mut server = RedisServer::start().await?;
    server.kill();
    let config = format!(
        "{PLAIN}cache.redis.connection = 'main'\nconnections.main.url = \"{}\"",
        server.url()
    );
    let app = build(&config).await?;
    let cache = app.services().get::<HybridCache>()?;
    app.start().await?;
    let value = cache
        .get_or_set("total", |_| async { Ok::<_, std::io::Error>(1) })
        .await?;
    assert_eq!(*value, 1);
    let link = app.services().get::<RedisLink>()?;
    until("it is known to be down", async || {
        let _ = cache
            .get_or_set("other", |_| async { Ok::<_, std::io::Error>(1) })
            .await;
        matches!(link.status(), LinkStatus::Down(_))
    })
    .await;
    let health = format!("{:?}", app.health().await);
    assert!(
        health.contains("there is no connection to Redis"),
        "{health}"
    );
    server.restart().await?;
    until("it is there again", async || {
        matches!(link.status(), LinkStatus::Connected)
    })
    .await;
    app.stop().await;
    assert!(
        matches!(link.status(), LinkStatus::Closed),
        "the cache owns its connections"
    );
    Ok(())
}
