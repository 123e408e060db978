//! Configuration comes in layers, and what is wrong with it is told with place, key and expectation.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use app_host::{
    App, AppBuilder, BuildError, Config, ConfigError, ConfigFormat, Environment, ServerConfig,
};
use serde::Deserialize;
use support::{A, B, errors, module, only_error};
use tempfile::TempDir;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CacheConfig {
    key_prefix: String,
    entries: u32,
    fail_safe: bool,
    ratio: f64,
    #[serde(with = "app_host::duration")]
    duration: Duration,
    #[serde(with = "app_host::duration::option")]
    jitter: Option<Duration>,
    #[serde(with = "app_host::bytes")]
    limit: u64,
    tags: Vec<String>,
    ports: Vec<u16>,
    kind: Option<Kind>,
    profiles: HashMap<String, Profile>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Local,
    Shared { replicas: u8 },
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Profile {
    entries: Option<u32>,
}

fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn reading(directory: &TempDir) -> AppBuilder {
    App::builder()
        .without_environment_variables()
        .config_dir(directory.path())
        .with_module(module::<A>("cache").configure(|cx| {
            let config: CacheConfig = cx.section("cache")?;
            cx.provide_value(std::sync::Arc::new(config));
            Ok(())
        }))
}

async fn read(builder: AppBuilder) -> std::sync::Arc<CacheConfig> {
    builder.build().await.unwrap().services().get().unwrap()
}

/// Reads `cache` of a text, with environment variables.
async fn with_variables(text: &str, variables: &[(&str, &str)]) -> std::sync::Arc<CacheConfig> {
    let directory = directory(&[("default.toml", text)]);
    read(reading(&directory).env_vars(variables.iter().copied())).await
}

fn told(error: &BuildError) -> String {
    error.to_string()
}

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

#[tokio::test]
async fn wrong_keys_types_and_units_of_all_sections_are_told_at_once_with_file_and_path() {
    let files = directory(&[
        (
            "default.toml",
            "[cache]\nentires = 1\nfail_safe = 'yes'\nduration = 30\nlimit = '5 apples'\n\
             [cache.profiles.invoice]\nentries = -1\n[server]\nshutdown_deadline = '10 parsecs'\n",
        ),
        (
            "production.json",
            r#"{ "cache": { "entries": 8.7, "ratio": null, "ports": [80, 70000], "kind": "remote" } }"#,
        ),
    ]);
    let errors = errors(reading(&files)).await;
    let directory = files.path().display().to_string();
    let text: Vec<_> = errors
        .errors()
        .iter()
        .map(|error| {
            told(error)
                .replace(&format!("{directory}/"), "")
                .replace("bad configuration: ", "")
        })
        .collect();
    assert_eq!(
        text,
        [
            "default.toml: server.shutdown_deadline: expected a duration with a unit, such as \"30s\", \"5m\" or \"2h\", found string \"10 parsecs\"",
            "default.toml: cache.duration: expected a duration with a unit, such as \"30s\", \"5m\" or \"2h\", found integer `30`",
            "default.toml: cache.entires: unknown key `entires`, expected one of `key_prefix`, `entries`, `fail_safe`, `ratio`, `duration`, `jitter`, `limit`, `tags`, `ports`, `kind`, `profiles`; did you mean `entries`?",
            "production.json: cache.entries: expected u32, found floating point `8.7`",
            "default.toml: cache.fail_safe: expected a boolean, found string \"yes\"",
            "production.json: cache.kind: unknown value `remote`, expected one of `local`, `shared`",
            "default.toml: cache.limit: expected a size with a unit, such as \"64KiB\" or \"2MiB\", found string \"5 apples\"",
            "production.json: cache.ports.1: expected u16, found integer `70000`",
            "default.toml: cache.profiles.invoice.entries: expected u32, found integer `-1`",
            "production.json: cache.ratio: expected f64, found null",
        ]
    );
}

#[tokio::test]
async fn a_fault_in_a_list_hides_no_other_fault_of_its_section() {
    let text = "[cache]\nports = [80, 'x', 'y']\n[cache.profiles.invoice]\nentries = -1\n";
    let files = directory(&[("default.toml", text)]);
    let text = errors(reading(&files)).await.to_string();
    assert!(text.contains("cache.ports.1: expected u16"), "{text}");
    assert!(
        text.contains("cache.profiles.invoice.entries: expected u32"),
        "{text}"
    );
}

#[tokio::test]
async fn a_section_that_is_no_table_is_an_error() {
    let files = directory(&[("default.toml", "cache = 5")]);
    let text = told(&only_error(reading(&files)).await);
    assert!(
        text.ends_with("cache: expected a table, found integer `5`"),
        "{text}"
    );
}

#[tokio::test]
async fn a_missing_key_says_how_to_set_it() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code)]
    struct Required {
        url: String,
    }
    let error = only_error(
        support::app().with_module(module::<A>("db").configure(|cx| {
            cx.section::<Required>("database")?;
            Ok(())
        })),
    )
    .await;
    assert_eq!(
        told(&error),
        "bad configuration: database.url: missing; set it in a file, or as APP__DATABASE__URL"
    );
}

#[tokio::test]
async fn a_section_that_no_module_reads_is_an_error_with_a_suggestion() {
    let files = directory(&[("default.toml", "[cahce]\nentries = 1\n")]);
    let text = told(&only_error(reading(&files)).await);
    assert!(
        text.ends_with("default.toml: cahce: no module reads this section; did you mean `cache`?"),
        "{text}"
    );
    let files = directory(&[]);
    let variable = reading(&files).env_vars([("APP__BILLING__URL", "x")]);
    assert_eq!(
        told(&only_error(variable).await),
        "bad configuration: environment variable APP__BILLING__URL: billing: \
         no module reads this section; the sections are: app, cache, server"
    );
}

#[tokio::test]
async fn a_section_that_a_failed_module_did_not_come_to_read_is_no_further_error() {
    let failing = module::<A>("billing").configure(|cx| {
        cx.section::<Profile>("billing")?;
        cx.section::<Profile>("invoices")?;
        Ok(())
    });
    let text = "billing.entries = 'x'\ninvoices.entries = 1\n";
    let builder = support::app().config_str(ConfigFormat::Toml, text);
    let error = only_error(builder.with_module(failing)).await;
    assert!(
        told(&error).contains("billing.entries: expected u32"),
        "{error}"
    );
}

#[tokio::test]
async fn a_section_of_a_disabled_module_is_no_error() {
    let declared = module::<B>("redis")
        .sections(&["redis"])
        .disabled("not today");
    let looked_at =
        module::<u8>("mail").enablement(|config| match config.get::<bool>("mail.enabled") {
            Ok(Some(false)) => app_host::Enablement::disabled("`mail.enabled` is false"),
            _ => app_host::Enablement::Enabled,
        });
    let app = support::app()
        .config_str(
            ConfigFormat::Toml,
            "redis.url = 'x'\nmail.enabled = false\nmail.from = 'x'",
        )
        .with_module(declared)
        .with_module(looked_at)
        .build()
        .await
        .unwrap();
    assert!(!app.report().module("mail").unwrap().is_enabled());
}

#[tokio::test]
async fn a_section_inside_another_is_read_by_its_own_module_only() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Redis {
        url: String,
    }
    let files = directory(&[(
        "default.toml",
        "[cache]\nentries = 1\n[cache.redis]\nurl = 'redis://x'\n",
    )]);

    let alone = told(&only_error(reading(&files)).await);
    assert!(
        alone.contains("cache.redis: unknown key `redis`"),
        "{alone}"
    );

    let app = reading(&files)
        .with_module(
            module::<B>("redis")
                .sections(&["cache.redis"])
                .configure(|cx| {
                    let redis: Redis = cx.section("cache.redis")?;
                    cx.provide_value(redis.url);
                    Ok(())
                }),
        )
        .build()
        .await
        .unwrap();
    assert_eq!(app.services().get::<String>().unwrap(), "redis://x");
}

#[tokio::test]
async fn variables_become_numbers_booleans_durations_and_lists_where_the_setting_is_one() {
    let config = with_variables(
        "cache.entries = 1",
        &[
            ("APP__CACHE__ENTRIES", "250"),
            ("APP__CACHE__FAIL_SAFE", "true"),
            ("APP__CACHE__RATIO", "0.25"),
            ("APP__CACHE__DURATION", "15m"),
            ("APP__CACHE__JITTER", "2s"),
            ("APP__CACHE__LIMIT", "64MiB"),
            ("APP__CACHE__TAGS", "a, b,007"),
            ("APP__CACHE__PORTS", "80,443"),
            ("APP__CACHE__KIND", "local"),
        ],
    )
    .await;
    assert_eq!(config.entries, 250);
    assert!(config.fail_safe);
    assert_eq!(config.ratio, 0.25);
    assert_eq!(config.duration, Duration::from_secs(900));
    assert_eq!(config.jitter, Some(Duration::from_secs(2)));
    assert_eq!(config.limit, 64 * 1024 * 1024);
    assert_eq!(config.tags, ["a", "b", "007"]);
    assert_eq!(config.ports, [80, 443]);
    assert_eq!(config.kind, Some(Kind::Local));
}

#[tokio::test]
async fn texts_that_look_like_something_else_stay_texts() {
    for text in ["007", "true", "1e3", "1.0", "", " x ", "a,b", "null"] {
        let config = with_variables("", &[("APP__CACHE__KEY_PREFIX", text)]).await;
        assert_eq!(config.key_prefix, text);
    }
}

#[tokio::test]
async fn keys_of_variables_may_be_digits_and_have_single_underscores() {
    let variables = [
        ("APP__CACHE__PROFILES__007__ENTRIES", "7"),
        ("APP__CACHE__PROFILES__INVOICE_LINE__ENTRIES", "8"),
        ("APP__CACHE__KIND__SHARED__REPLICAS", "3"),
    ];
    let config = with_variables("cache.profiles.invoice_line.entries = 1", &variables).await;
    assert_eq!(config.profiles["007"].entries, Some(7));
    assert_eq!(config.profiles["invoice_line"].entries, Some(8));
    assert_eq!(config.kind, Some(Kind::Shared { replicas: 3 }));
}

#[tokio::test]
async fn a_bad_variable_is_told_by_its_name() {
    let files = directory(&[]);
    let text = told(&only_error(reading(&files).env_vars([("APP__CACHE__ENTRIES", "many")])).await);
    assert_eq!(
        text,
        "bad configuration: environment variable APP__CACHE__ENTRIES: cache.entries: expected u32, found string \"many\""
    );
}

#[tokio::test]
async fn variables_that_contradict_one_another_are_an_error() {
    let files = directory(&[]);
    for other in [
        "app__cache__entries",
        "APP__CACHE",
        "APP__CACHE__ENTRIES__X",
    ] {
        let variables = [("APP__CACHE__ENTRIES", "1"), (other, "2")];
        let text = told(&only_error(reading(&files).env_vars(variables)).await);
        assert!(text.contains("another environment variable sets"), "{text}");
    }
    let text = told(&only_error(reading(&files).env_vars([("APP__CACHE____X", "1")])).await);
    assert!(text.contains("the name has an empty part"), "{text}");
}

#[test]
fn types_that_take_anything_read_variables_as_numbers_where_a_text_does_not_fit() {
    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Threads {
        Count { count: u16 },
        All(bool),
    }
    #[derive(Deserialize)]
    struct Pool {
        threads: Threads,
        name: String,
    }
    // Built by hand, as a `Config` of an application is.
    let pool = |variables: [(&'static str, &'static str); 2]| async move {
        support::app()
            .env_vars(variables)
            .with_module(module::<A>("pool").configure(|cx| {
                let pool: Pool = cx.section("pool")?;
                cx.provide_value(std::sync::Arc::new((pool.threads, pool.name)));
                Ok(())
            }))
            .build()
            .await
            .unwrap()
            .services()
            .get::<std::sync::Arc<(Threads, String)>>()
            .unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let read = runtime.block_on(pool([
        ("APP__POOL__THREADS__COUNT", "8"),
        ("APP__POOL__NAME", "007"),
    ]));
    assert_eq!(*read, (Threads::Count { count: 8 }, "007".to_owned()));
    let read = runtime.block_on(pool([
        ("APP__POOL__THREADS", "true"),
        ("APP__POOL__NAME", "12"),
    ]));
    assert_eq!(*read, (Threads::All(true), "12".to_owned()));
}

#[tokio::test]
async fn a_variable_is_a_text_first_for_a_type_that_takes_numbers_and_texts() {
    #[derive(Clone, Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum NumberOrText {
        Number(i64),
        Text(String),
    }
    let app = support::app()
        .env_vars([("APP__POOL__NAME", "12")])
        .config_str(ConfigFormat::Toml, "pool.size = 12")
        .with_module(module::<A>("pool").configure(|cx| {
            let pool: std::collections::BTreeMap<String, NumberOrText> = cx.section("pool")?;
            cx.provide_value(pool);
            Ok(())
        }))
        .build()
        .await
        .unwrap();
    let pool: std::collections::BTreeMap<String, NumberOrText> = app.services().get().unwrap();
    assert_eq!(pool["name"], NumberOrText::Text("12".to_owned()));
    assert_eq!(pool["size"], NumberOrText::Number(12));
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
