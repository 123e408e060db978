//! Environment variables win over files, and become what the setting is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::time::Duration;

use app_host::ConfigFormat;
use serde::Deserialize;
use support::cache_section::*;
use support::{A, module, only_error};

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
