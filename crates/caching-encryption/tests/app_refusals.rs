//! What an application with Redis does about values without encryption, and about keys that are none.

#![cfg(feature = "host")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on ends"
)]

mod app_support;

use app_host::Environment;
use app_support::*;
use caching_testkit::RedisServer;

const PLAIN: &str = "cache.encryption.allow_plaintext = true";

fn migrating() -> String {
    format!(
        "{}\ncache.encryption.migrate_from_plaintext = true",
        key(ONE)
    )
}

#[tokio::test]
async fn plaintext_in_an_encrypted_cache_is_refused_and_counted_unless_it_may_be_migrated() {
    let server = RedisServer::start().await.unwrap();
    let plain = Pod::with(&server, PLAIN).await;
    plain.read("acme", "a").await;
    let (_, before) = stored(&server, &record("acme", "a")).await;
    assert!(holds(&before, SECRET));

    let sealing = Pod::start(&server).await;
    assert!(!sealing.look("acme", "a").await.is_hit());
    assert!(sealing.stats().l2_unreadable > 0);

    // While it may, it is read as it is; what is written is sealed all the same.
    let pod = Pod::with(&server, &migrating()).await;
    assert!(
        log::text().contains("migrate_from_plaintext` is on"),
        "{}",
        log::text()
    );
    assert_eq!(pod.read("acme", "a").await, L2_HIT);
    assert_eq!(pod.stats().l2_unreadable, 0);
    pod.read("acme", "b").await;
    let (field, sealed) = stored(&server, &record("acme", "b")).await;
    assert!(!holds(&sealed, SECRET) && holds(&sealed, MAGIC));
    assert_eq!(sealing.read("acme", "b").await, L2_HIT);

    // Nor does it let through what was sealed and then altered, or is of another record.
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    for (what, bytes) in [("altered", &altered), ("of another record", &before)] {
        plant(&server, &record("acme", "b"), &field, bytes).await;
        let late = Pod::with(&server, &migrating()).await;
        assert!(!late.look("acme", "b").await.is_hit(), "{what}");
        assert!(late.stats().l2_unreadable > 0, "{what}");
    }
}

#[tokio::test]
async fn a_plain_fallback_is_not_given_instead_of_an_error_in_an_encrypted_cache() {
    let server = RedisServer::start().await.unwrap();
    let plain = Pod::with(&server, PLAIN).await;
    plain.read("acme", "a").await;
    stored(&server, &record("acme", "a")).await;
    let expired = as_tenant("acme", async { plain.expire("a").await }).await;
    assert!(expired.unwrap().is_applied());
    assert!(
        Pod::start(&server)
            .await
            .read_broken("acme", "a")
            .await
            .is_err()
    );
    // It was there, and good for those who may read it.
    let late = Pod::with(&server, &migrating()).await;
    assert!(late.read_broken("acme", "a").await.unwrap().is_stale());
}

#[tokio::test]
async fn pods_with_and_without_encryption_read_nothing_of_each_other() {
    let server = RedisServer::start().await.unwrap();
    let (plain, sealing) = (Pod::with(&server, PLAIN).await, Pod::start(&server).await);
    sealing.read("acme", "sealed").await;
    stored(&server, &record("acme", "sealed")).await;
    assert!(!plain.look("acme", "sealed").await.is_hit());
    assert!(plain.stats().l2_unreadable > 0);
}

/// How many errors an application in an environment has, and what they say.
async fn refused(
    server: &RedisServer,
    environment: Environment,
    settings: &str,
) -> (usize, String) {
    let app = builder(&server.url(), settings).environment(environment);
    let Err(errors) = app.build().await else {
        panic!("the application was built");
    };
    let reply = server.command(["KEYS", "*"]).await.unwrap();
    assert!(reply.items().is_empty(), "it has touched Redis: {reply:?}");
    let said = format!("{errors} {errors:?}");
    assert!(!said.contains(ONE) && !said.contains(TWO), "{said}");
    (errors.errors().len(), errors.to_string())
}

#[tokio::test]
async fn redis_without_encryption_is_refused_in_production_and_loud_in_development() {
    let server = RedisServer::start().await.unwrap();
    let off = format!("{}\ncache.encryption.enabled = false", key(ONE));
    for settings in ["", "cache.encryption.allow_plaintext = false", &off] {
        let staging = "staging".parse().unwrap();
        for environment in [Environment::Production, staging] {
            let (count, said) = refused(&server, environment, settings).await;
            assert_eq!(count, 1, "{said}");
            for words in ["unencrypted", "cache.encryption.key", "allow_plaintext"] {
                assert!(said.contains(words), "{words} is not in {said}");
            }
        }
    }

    for (environment, settings, is_loud) in [
        (Environment::Development, "", true),
        (Environment::Development, &*off, true),
        (Environment::Development, PLAIN, false),
        (Environment::Production, PLAIN, false),
        (Environment::Production, &*key(ONE), false),
    ] {
        let server = RedisServer::start().await.unwrap();
        log::forget();
        let app = builder(&server.url(), settings).environment(environment);
        let pod = Pod::of(app).await;
        pod.read("acme", "a").await;
        let (_, value) = stored(&server, &record("acme", "a")).await;
        assert_eq!(holds(&value, SECRET), settings != key(ONE), "{settings}");
        let log = log::text();
        let said = log.matches("VALUES LEAVE THIS PROCESS UNENCRYPTED").count();
        assert_eq!(said, usize::from(is_loud), "{settings}: {log}");
        let is_beside = log.contains("is false beside a key");
        assert_eq!(is_beside, settings == off, "{settings}: {log}");
        assert!(!log.contains(ONE) && !log.contains("SECRET"), "{log}");
    }
}

#[tokio::test]
async fn keys_that_are_none_are_errors_that_name_the_setting_and_never_print_the_key() {
    let server = RedisServer::start().await.unwrap();
    let zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let two = |first: (&str, &str), second: (&str, &str)| {
        let one = |(id, key)| format!("{{ id = \"{id}\", key = \"{key}\" }}");
        format!("cache.encryption.keys = [{}, {}]", one(first), one(second))
    };
    let cases = [
        (
            key("c2VjcmV0LXNob3J0"),
            "cache.encryption.key",
            "where a key has 32",
            "c2VjcmV0",
        ),
        (
            key("not/base64!secret"),
            "cache.encryption.key",
            "is not base64",
            "not/base64",
        ),
        (key(zero), "cache.encryption.key", "all zero", zero),
        (
            two(("a", ONE), ("a", TWO)),
            "cache.encryption.keys",
            "the id `a`",
            ONE,
        ),
        (
            two(("a", ONE), ("b", ONE)),
            "cache.encryption.keys",
            "the same key",
            ONE,
        ),
        (
            two(("a", ONE), ("b", "c2VjcmV0")),
            "cache.encryption.keys[1]",
            "where a key has 32",
            "c2VjcmV0",
        ),
        (
            "cache.encryption.enabled = true".to_owned(),
            "cache.encryption.enabled",
            "there is no key",
            ONE,
        ),
    ];
    for (settings, setting, problem, never) in cases {
        for environment in [Environment::Production, Environment::Development] {
            log::forget();
            let (count, said) = refused(&server, environment, &settings).await;
            assert_eq!(count, 1, "{settings}: {said}");
            let is_told = said.contains(setting) && said.contains(problem);
            assert!(is_told, "{settings}: {said}");
            assert!(!said.contains(never), "{said}");
            assert!(!log::text().contains(never), "{}", log::text());
        }
    }
}
