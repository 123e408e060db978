//! What is wrong in a section is told with file, key and expectation, all of it at once.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use app_host::ConfigFormat;
use serde::Deserialize;
use support::cache_section::*;
use support::{A, B, errors, module, only_error};

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
