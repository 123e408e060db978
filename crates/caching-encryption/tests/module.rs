//! Encryption in an application made of modules.

#![cfg(feature = "host")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed"
)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use app_host::{App, AppBuilder, ConfigFormat};
use caching_core::HybridCache;
use caching_encryption::{CachingEncryptionModule, KeyFiles};

const ONE: &str = "q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k=";
const TWO: &str = "7hSMrLq2ZrQ5N5CN8kN0dBYd9dVFQTQhSXKkzMGUG3g=";

fn builder(config: &str) -> AppBuilder {
    let config = config.replace("ONE", ONE).replace("TWO", TWO);
    App::builder()
        .module::<CachingEncryptionModule>()
        .without_environment_variables()
        .config_str(ConfigFormat::Toml, &config)
}

async fn built(config: &str) -> App {
    builder(config).build().await.unwrap()
}

async fn build_errors(builder: AppBuilder) -> String {
    match builder.build().await {
        Ok(_) => panic!("the application was built"),
        Err(errors) => {
            let errors = format!("{errors} {errors:?}");
            assert!(!errors.contains(ONE) && !errors.contains(TWO), "{errors}");
            errors
        }
    }
}

#[tokio::test]
async fn without_a_key_the_module_is_off_and_says_why() {
    for config in ["", "cache.encryption.allow_plaintext = true"] {
        let app = built(config).await;
        let report = app.report().to_string();
        assert!(
            report.contains("neither `cache.encryption.key` nor `cache.encryption.keys` is set"),
            "{report}"
        );
        assert!(app.services().get::<HybridCache>().is_ok());
        assert!(app.services().try_get::<KeyFiles>().is_none());
    }
}

#[tokio::test]
async fn switched_off_beside_a_key_it_says_that_the_key_is_not_used() {
    let app = built("[cache.encryption]\nenabled = false\nkey = 'ONE'").await;
    let report = app.report().to_string();
    let reason = "`cache.encryption.enabled` is false, so the key beside it is not used";
    assert!(report.contains(reason), "{report}");
    assert!(!report.contains(ONE), "{report}");
}

#[tokio::test]
async fn with_a_key_the_ring_is_a_service() {
    let app = built("cache.encryption.key = 'ONE'").await;
    let files = app.services().get::<KeyFiles>().unwrap();
    assert_eq!(files.ring().keys().active().as_str(), "default");
    assert!(!app.report().to_string().contains(ONE));
}

#[tokio::test]
async fn the_key_may_come_from_the_environment() {
    let app = App::builder()
        .module::<CachingEncryptionModule>()
        .env_vars([("APP__CACHE__ENCRYPTION__KEY", ONE)])
        .build()
        .await
        .unwrap();
    assert!(app.services().get::<KeyFiles>().is_ok());
}

#[tokio::test]
async fn bad_settings_are_build_errors_that_name_them() {
    let cases = [
        (
            "cache.encryption.enabled = true",
            "`cache.encryption.enabled` is true, and there is no key",
        ),
        (
            "cache.encryption.key = 'c2VjcmV0'",
            "`cache.encryption.key` has 6 bytes",
        ),
        ("cache.encryption.kye = 'ONE'", "kye"),
        ("cache.encryption.active = 'a'", "there is no key"),
        ("cache.encryption.active = 'ONE'", "cache.encryption.active"),
        (
            "cache.encryption.keys = [{ id = 'a', key = 'ONE' }, { id = 'b', key = 'ONE' }]",
            "`a` and `b` are the same key",
        ),
        ("cache.encryption.keys = ['ONE']", "cache.encryption.keys"),
        ("cache.encryption.keys = 'ONE'", "cache.encryption.keys"),
        ("cache.encryption = 'ONE'", "cache.encryption"),
    ];
    for (config, expected) in cases {
        let errors = build_errors(builder(config)).await;
        assert!(errors.contains(expected), "{config}: {errors}");
    }
}

#[tokio::test]
async fn a_list_of_keys_in_a_variable_is_refused_and_not_repeated() {
    let builder = App::builder()
        .module::<CachingEncryptionModule>()
        .env_vars([("APP__CACHE__ENCRYPTION__KEYS", format!("{ONE},{TWO}"))]);
    let errors = build_errors(builder).await;
    assert!(errors.contains("cache.encryption.keys"), "{errors}");
}

fn write(directory: &Path, key: &str) {
    fs::write(directory.join("new"), key).unwrap();
    fs::rename(directory.join("new"), directory.join("key")).unwrap();
}

/// How many keys there are, once there are as many as expected, or after a long while.
async fn keys(files: &KeyFiles, expected: usize) -> usize {
    let count = || files.ring().keys().ids().count();
    for _ in 0..1_000 {
        if count() == expected {
            break;
        }
        // A real file is read on a real thread; time is paused.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    count()
}

#[tokio::test(start_paused = true)]
async fn a_running_application_takes_a_new_key_from_its_file_until_it_stops() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), ONE);
    let path = directory.path().join("key");
    let config = format!("cache.encryption.key = {{ file = '{}' }}", path.display());
    let app = built(&config).await;
    app.start().await.unwrap();
    let files = app.services().get::<KeyFiles>().unwrap();

    write(directory.path(), TWO);
    assert_eq!(keys(&files, 2).await, 2, "the new one, and that of before");

    fs::remove_file(path).unwrap();
    for _ in 0..1_000 {
        if files.problem().is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let health = format!("{:?}", app.health().await);
    assert!(health.contains("degraded"), "{health}");
    assert!(!health.contains("tmp"), "{health}");

    assert!(
        app.stop().await.is_clean(),
        "its task ends when it is told to"
    );
    write(directory.path(), ONE);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(files.problem().is_some(), "nobody reads it any more");
}
