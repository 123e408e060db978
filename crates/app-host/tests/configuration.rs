//! Configuration comes in layers, and files that cannot be read are told with place and expectation.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::time::Duration;

use app_host::{App, BuildError, Config, ConfigError, ConfigFormat, Environment, ServerConfig};
use support::cache_section::*;
use support::{B, errors, module, only_error};

#[tokio::test]
async fn later_layers_win_key_by_key_in_toml_and_json() {
    let files = directory(&[
        (
            "default.toml",
            "[cache]\nkey_prefix = 'default'\nentries = 1\nratio = 0.5\nduration = '5m'\n",
        ),
        (
            "staging.json",
            r#"{ "cache": { "key_prefix": "staging", "entries": 2, "ratio": 1 } }"#,
        ),
        ("local.toml", "cache.key_prefix = 'local'\n"),
        (
            "development.toml",
            "cache.key_prefix = 'other environment'\n",
        ),
    ]);
    let variables = [
        ("APP_ENVIRONMENT", "staging"),
        ("APP__CACHE__DURATION", "7s"),
    ];
    let config = read(reading(&files).env_vars(variables)).await;
    assert_eq!(config.key_prefix, "local");
    assert_eq!(config.entries, 2);
    assert_eq!(config.ratio, 1.0);
    assert_eq!(config.duration, Duration::from_secs(7));
}

#[tokio::test]
async fn the_environment_is_production_unless_said_otherwise() {
    let files = directory(&[
        ("production.toml", "cache.entries = 1"),
        ("development.toml", "cache.entries = 2"),
    ]);
    assert_eq!(read(reading(&files)).await.entries, 1);
    let development = reading(&files).environment(Environment::Development);
    assert_eq!(read(development).await.entries, 2);
    let by_variable = reading(&files).env_vars([("APP_ENVIRONMENT", "development")]);
    assert_eq!(read(by_variable).await.entries, 2);
}

#[tokio::test]
async fn a_name_of_an_environment_cannot_leave_the_directory() {
    for name in ["../secret", "", "default", "local", "Production", "a.b"] {
        let error = only_error(App::builder().env_vars([("APP_ENVIRONMENT", name)])).await;
        assert!(
            told(&error).starts_with("bad configuration: environment variable APP_ENVIRONMENT: "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn absent_sections_and_files_are_the_defaults() {
    let config = read(reading(&directory(&[]))).await;
    assert_eq!(*config, CacheConfig::default());
}

#[tokio::test]
async fn a_directory_that_is_named_must_exist() {
    let error = only_error(App::builder().config_dir("no/such/directory")).await;
    assert_eq!(
        told(&error),
        "bad configuration: no/such/directory: there is no such directory of configuration files"
    );
}

#[tokio::test]
async fn the_same_layer_in_two_formats_is_an_error() {
    let files = directory(&[("default.toml", ""), ("default.json", "{}")]);
    let text = told(&only_error(reading(&files)).await);
    assert!(text.contains("default.toml: "), "{text}");
    assert!(
        text.ends_with("default.json is there as well; keep one of them"),
        "{text}"
    );
}

#[tokio::test]
async fn a_format_that_is_not_read_is_an_error() {
    let files = directory(&[("default.yaml", "cache: {}")]);
    let text = told(&only_error(reading(&files)).await);
    assert!(text.ends_with("use default.toml or default.json"), "{text}");
}

#[tokio::test]
async fn broken_files_are_all_told_with_line_and_without_their_text() {
    let files = directory(&[
        (
            "default.toml",
            "[database]\npassword = \"hunter2\nport = 1\n",
        ),
        ("production.json", "{ \"password\": \"hunter2\", }"),
    ]);
    let errors = errors(reading(&files)).await;
    let text = errors.to_string();
    assert_eq!(errors.errors().len(), 2, "{text}");
    assert!(
        text.contains("default.toml: TOML parse error at line 2"),
        "{text}"
    );
    assert!(
        text.contains("production.json: trailing comma at line 1"),
        "{text}"
    );
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn values_have_an_origin_and_debug_shows_none_of_them() {
    let config = Config::from_text(
        ConfigFormat::Json,
        r#"{ "database": { "password": "hunter2", "none": null } }"#,
    )
    .unwrap();
    assert_eq!(
        config.origin("database.password").as_deref(),
        Some("the given text")
    );
    assert!(config.contains("database.password"));
    assert!(!config.contains("database.none"));
    assert!(!config.contains("database.url"));
    assert_eq!(config.get::<String>("database.none").unwrap(), None);
    assert_eq!(
        format!("{config:?}"),
        "Config { sections: [\"database\"], .. }"
    );
}

#[tokio::test]
async fn a_module_adds_rules_of_its_own_with_file_and_key() {
    let files = directory(&[("default.toml", "cache.entries = 3")]);
    let error = only_error(
        reading(&files).with_module(module::<B>("b").configure(|cx| {
            let origin = cx.config().origin("cache.entries");
            Err(ConfigError::custom(origin, "cache.entries", "expected an even number").into())
        })),
    )
    .await;
    assert!(
        told(&error).ends_with("default.toml: cache.entries: expected an even number"),
        "{error}"
    );
}

#[test]
fn the_defaults_of_the_server_are_those_of_the_reference() {
    let server = ServerConfig::default();
    assert_eq!(server.address, "127.0.0.1:8080");
    assert_eq!(server.shutdown_deadline, Duration::from_secs(30));
    assert_eq!(server.drain_deadline, Duration::from_secs(20));
    assert_eq!(server.drain_delay, Duration::ZERO);
    assert_eq!(server.body_limit, 2 * 1024 * 1024);
    assert_eq!(server.header_timeout, Duration::from_secs(10));
    assert_eq!(server.max_connections, 10_000);
    assert_eq!(server.health_check_timeout, Duration::from_secs(1));
    let empty = Config::empty().section::<ServerConfig>("server").unwrap();
    assert_eq!(empty, server);
}

#[tokio::test]
async fn settings_of_the_server_that_contradict_one_another_are_errors() {
    let text = "[server]\nshutdown_deadline = '5s'\nmax_connections = 0\n";
    let errors = errors(support::app().config_str(ConfigFormat::Toml, text)).await;
    let keys: Vec<_> = errors
        .errors()
        .iter()
        .map(|error| match error {
            BuildError::Configuration(problem) => problem.key().to_owned(),
            error => panic!("{error}"),
        })
        .collect();
    assert_eq!(keys, ["server.drain_deadline", "server.max_connections"]);
}
