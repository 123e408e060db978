//! Servers and logins that cannot be used: refused with words, once in the log, and tried again.

mod support;

use std::time::Duration;

use caching_core::{Asof, Deployment, L2, L2Error, L2ErrorKind};
use caching_redis::{
    ConnectionConfig, Connections, LinkStatus, RedisConfig, RedisConfigError, RedisLink, UrlError,
};
use caching_testkit::RedisServer;
use support::*;

async fn refused(link: &RedisLink) -> Result<L2Error, Box<dyn std::error::Error + Send + Sync>> {
    let error = opened(link).poll(PARTITION, Asof::default()).await.err();
    error.ok_or_else(|| "the server was used".into())
}

#[tokio::test]
async fn a_wrong_password_is_rejected_and_never_shown() -> Done {
    let lines = Lines::listen();
    let server = RedisServer::builder().password("right").start().await?;
    let url = format!("redis://:wr0ng@{}/", server.address());
    let link = link(&RedisConfig::new(url));
    let error = refused(&link).await?;
    assert_eq!(error.kind, L2ErrorKind::Rejected);
    assert!(
        error.to_string().contains("WRONGPASS") || error.to_string().contains("login"),
        "{error}"
    );
    until("several attempts have failed", async || {
        link.counters().failed >= 4
    })
    .await;
    assert_eq!(lines.with("refused the login"), 1, "{}", lines.text());
    let shown = format!(
        "{error:?} {error} {link:?} {:?} {}",
        link.status(),
        lines.text()
    );
    assert!(!shown.contains("wr0ng"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn a_password_that_was_changed_is_read_again_where_it_stands() -> Done {
    let server = RedisServer::builder().password("old").start().await?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("redis-url");
    let url = |password: &str| format!("redis://:{password}@{}/\n", server.address());
    std::fs::write(&file, url("old"))?;
    let mut config = RedisConfig::default();
    config.connection = Some("main".to_owned());
    let mut place = ConnectionConfig::default();
    place.file = Some(file.clone());
    let connections = Connections::from([("main".to_owned(), place)]);
    let link = RedisLink::with_connections(&config, &connections)?;
    let l2 = opened(&link);
    join(&l2).await?;

    redis(&server, ["CONFIG", "SET", "requirepass", "new"]).await;
    redis(&server, ["CLIENT", "KILL", "TYPE", "normal"]).await;
    until("the old password is refused", async || {
        matches!(link.status(), LinkStatus::Down(_))
    })
    .await;
    std::fs::write(&file, url("new"))?;
    until_ok(|| join(&l2)).await;
    Ok(())
}

#[tokio::test]
async fn a_replica_is_not_used() -> Done {
    let primary = RedisServer::start().await?;
    let replica = RedisServer::builder().replica_of(&primary).start().await?;
    let error = refused(&link(&config(&replica))).await?;
    assert_eq!(error.kind, L2ErrorKind::Unavailable);
    assert!(
        error.to_string().contains("replica and not a primary"),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_server_that_may_evict_any_key_is_used_only_where_that_is_allowed() -> Done {
    let server = RedisServer::builder()
        .directive("maxmemory", "64mb")
        .directive("maxmemory-policy", "allkeys-lru")
        .start()
        .await?;
    let mut config = config(&server);
    let error = refused(&link(&config)).await?;
    assert!(error.to_string().contains("allkeys-lru"), "{error}");
    assert_eq!(error.kind, L2ErrorKind::Rejected);
    config.allow_eviction = true;
    join(&opened(&link(&config))).await?;
    Ok(())
}

#[tokio::test]
async fn two_applications_on_one_prefix_never_mix() -> Done {
    let server = RedisServer::start().await?;
    let mut shop = config(&server);
    shop.application = Some("shop".to_owned());
    let key = key("shared k:x");
    let ours = opened(&link(&shop));
    store(&ours, &key, "ours").await?;

    let mut till = config(&server);
    till.application = Some("till".to_owned());
    let till = link(&till);
    let error = refused(&till).await?;
    assert_eq!(error.kind, L2ErrorKind::Rejected);
    let words = error.to_string();
    assert!(
        words.contains("application is \"shop\", and here it is \"till\""),
        "{words}"
    );
    assert!(till.backplane().subscribe_error().await.contains("shop"));
    // With a prefix of its own it is none of the other's business.
    let own = RedisLink::from_config(&{
        let mut own = config(&server);
        own.application = Some("till".to_owned());
        own
    })?
    .l2();
    own.open(&Deployment::new("till", BOUND));
    join(&own).await?;
    assert!(found(&ours, &key).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn another_wire_version_or_somebody_elses_data_under_the_prefix_is_refused() -> Done {
    let server = RedisServer::start().await?;
    redis(&server, ["HSET", "{shop}:@deployment", "wire", "1"]).await;
    let link_one = link(&config(&server));
    let error = refused(&link_one).await?;
    assert!(error.to_string().contains("wire is \"1\""), "{error}");
    redis(&server, ["DEL", "{shop}:@deployment"]).await;
    redis(&server, ["SET", "{shop}:@deployment", "\u{1b}[31m"]).await;
    let error = refused(&link(&config(&server))).await?;
    assert!(
        error.to_string().contains("holds something else"),
        "{error}"
    );
    // As soon as it is gone, the first link connects by itself.
    redis(&server, ["DEL", "{shop}:@deployment"]).await;
    let l2 = opened(&link_one);
    until_ok(|| join(&l2)).await;
    Ok(())
}

#[tokio::test]
async fn a_prefix_that_cannot_be_a_hash_tag_is_refused() -> Done {
    let server = RedisServer::start().await?;
    let l2 = link(&config(&server)).l2();
    l2.open(&Deployment::new("a{b}", BOUND));
    let error = join(&l2).await.err().ok_or("it was used")?;
    assert_eq!(error.kind, L2ErrorKind::Rejected);
    assert!(error.to_string().contains("braces"), "{error}");
    Ok(())
}

/// A server that says of itself what a test wants.
async fn pretender(
    info: &'static str,
    hello: &'static str,
) -> std::io::Result<std::net::SocketAddr> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut bytes = vec![0; 65536];
            // The handshake, then questions: each is answered as often as it has commands.
            while let Ok(length @ 1..) = socket.read(&mut bytes).await {
                let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let mut answer = String::new();
                if text.contains("HELLO") {
                    answer.push_str(hello);
                }
                for _ in 0..text.matches("\r\nINFO\r\n").count() {
                    answer.push_str(&format!("${}\r\n{info}\r\n", info.len()));
                }
                for _ in 0..text.matches("\r\nSCRIPT\r\n").count() {
                    answer.push_str("-ERR unknown command 'SCRIPT'\r\n");
                }
                if socket.write_all(answer.as_bytes()).await.is_err() {
                    break;
                }
            }
        }
    });
    Ok(address)
}

#[tokio::test]
async fn an_old_server_a_cluster_and_a_sentinel_are_refused_by_name() -> Done {
    const HELLO: &str = "%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n";
    const NO_HELLO: &str = "-ERR unknown command `HELLO`, with args beginning with: `3`, \r\n";
    for (info, hello, words) in [
        (
            "redis_version:6.2.14\r\nredis_mode:standalone\r\nrole:master\r\n",
            HELLO,
            "version 6.2.14",
        ),
        (
            "redis_version:7.2.0\r\nredis_mode:cluster\r\nrole:master\r\n",
            HELLO,
            "mode cluster",
        ),
        (
            "redis_version:7.2.0\r\nredis_mode:sentinel\r\n",
            HELLO,
            "mode sentinel",
        ),
        ("", NO_HELLO, "7.0 or later"),
        ("garbage", HELLO, "7.0 or later"),
    ] {
        let address = pretender(info, hello).await?;
        let error = refused(&link(&RedisConfig::new(format!("redis://{address}")))).await?;
        assert!(
            error.to_string().contains(words),
            "{error}, and not {words}"
        );
        assert_eq!(error.kind, L2ErrorKind::Rejected);
    }
    Ok(())
}

#[tokio::test]
async fn the_least_rights_are_enough_and_fewer_are_refused() -> Done {
    // As the guide gives them.
    let rights = "~{shop}:* &{shop}:* -@all +hello +info +script|load +evalsha +eval +hmget +hget +hset +hlen \
                  +exists +type +unlink +rename +time +xadd +xrange +publish +subscribe +get +mget +getrange \
                  +setrange +strlen +set +ping";
    let server = RedisServer::builder()
        .user("app", "secret", rights)
        .user("less", "secret", &rights.replace("+info ", ""))
        .start()
        .await?;
    let url = |user| server.url_as(user, server.address()).ok_or("no such user");
    let link_app = link(&RedisConfig::new(url("app")?));
    let l2 = opened(&link_app);
    let key = key("shared k:x");
    store(&l2, &key, "x").await?;
    l2.put(at(&key), &record("y"), None).await?;
    l2.invalidate(PARTITION, &keys(&key, caching_core::Mode::Expire))
        .await?;
    l2.invalidate(PARTITION, &group("*", caching_core::Mode::Remove))
        .await?;
    l2.purged(PARTITION, &["*".to_owned()]).await?;
    let claim = caching_core::Claim::new(1);
    l2.claim(at(&key), claim, Duration::from_secs(1)).await?;
    l2.release(at(&key), claim).await?;
    let known = Asof {
        seq: caching_core::Seq::new(0),
        ..join(&l2).await?
    };
    l2.poll(PARTITION, known).await?;
    assert!(link_app.backplane().subscribe_error().await.is_empty());
    let denied = redis(&server, ["ACL", "LOG"]).await;
    assert_eq!(denied.items().len(), 0, "{denied:?}");

    let error = refused(&link(&RedisConfig::new(url("less")?))).await?;
    assert_eq!(error.kind, L2ErrorKind::Rejected);
    assert!(error.to_string().contains("'info'"), "{error}");
    Ok(())
}

#[test]
fn a_configuration_that_names_no_server_or_two_is_refused_without_its_secrets() -> Done {
    let error = |config: &RedisConfig, connections: &Connections| {
        RedisLink::with_connections(config, connections)
            .err()
            .map(|error| error.to_string())
    };
    let none = Connections::new();
    let said = error(&RedisConfig::default(), &none).ok_or("taken")?;
    assert!(said.contains("names no server"), "{said}");

    let mut both = RedisConfig::new("redis://:secret@h");
    both.connection = Some("main".to_owned());
    assert!(error(&both, &none).is_some_and(|said| said.contains("both set")));
    both.url = None;
    assert!(error(&both, &none).is_some_and(|said| said.contains("[connections.main]")));
    let empty = Connections::from([("main".to_owned(), ConnectionConfig::default())]);
    assert!(error(&both, &empty).is_some_and(|said| said.contains("exactly one of")));

    for url in [
        "http://:secret@h",
        "redis://",
        ":secret@h",
        "redis://:secret@h/x",
        "redis://:secret@h:port",
    ] {
        let said = error(&RedisConfig::new(url), &none).ok_or(url)?;
        assert!(
            said.contains("`cache.redis.url` is no URL") && !said.contains("secret"),
            "{said}"
        );
    }
    let mut place = ConnectionConfig::default();
    place.env = Some("NO_SUCH_VARIABLE_OF_OURS".to_owned());
    let env = Connections::from([("main".to_owned(), place)]);
    assert!(matches!(
        RedisLink::with_connections(&both, &env),
        Err(RedisConfigError::Url(UrlError::Env { .. }))
    ));
    let mut many = RedisConfig::new("redis://h");
    many.connections = 0;
    assert!(error(&many, &none).is_some_and(|said| said.contains("from 1 to 64")));
    many.connections = 1;
    many.connect_timeout = Duration::ZERO;
    assert!(error(&many, &none).is_some_and(|said| said.contains("10ms to 1m")));
    Ok(())
}

#[test]
fn a_section_with_a_mistake_is_refused_without_repeating_it() {
    for (text, words) in [
        ("url = 5", "expected a URL"),
        ("url = 'redis://h'\nunknown = 1", "unknown field"),
        (
            "url = 'redis://h'\nconnect_timeout = 'secret'",
            "a duration with a unit",
        ),
    ] {
        let error = toml::from_str::<RedisConfig>(text)
            .unwrap_err()
            .message()
            .to_owned();
        assert!(
            error.contains(words) && !error.contains("secret"),
            "{error}"
        );
    }
}

#[test]
fn an_empty_section_gives_the_defaults() {
    let config: RedisConfig = toml::from_str("").unwrap();
    assert_eq!(config.connections, 2);
    assert_eq!(config.connect_timeout, Duration::from_secs(2));
    assert!(!config.allow_eviction && !config.required && !config.names_a_server());
}

trait SubscribeError {
    async fn subscribe_error(&self) -> String;
}

impl SubscribeError for caching_redis::RedisBackplane {
    async fn subscribe_error(&self) -> String {
        use caching_core::Backplane;

        match self.subscribe(Box::new(drop)).await {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }
}
