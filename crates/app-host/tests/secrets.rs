//! Secrets come inline, from files or from variables, and are not printed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod support;

use std::fs;

use app_host::{App, AppBuilder, Config, ConfigFormat, Secret};
use serde::Deserialize;
use support::{A, module, only_error};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)]
struct DatabaseConfig {
    password: Secret,
    fallback: Option<Secret>,
}

fn database(text: &str) -> AppBuilder {
    App::builder()
        .without_environment_variables()
        .config_str(ConfigFormat::Toml, format!("[database]\n{text}"))
        .with_module(module::<A>("database").configure(|cx| {
            let config: DatabaseConfig = cx.section("database")?;
            cx.provide_value(config);
            Ok(())
        }))
}

async fn password(builder: AppBuilder) -> String {
    let app = builder.build().await.unwrap();
    let config: DatabaseConfig = app.services().get().unwrap();
    config.password.expose().to_owned()
}

#[tokio::test]
async fn a_secret_is_given_inline_by_file_or_by_variable() {
    assert_eq!(password(database("password = 'hunter2'")).await, "hunter2");

    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    for (text, expected) in [
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" x \n\n", " x \n"),
    ] {
        fs::write(&file, text).unwrap();
        let given = database(&format!("password = {{ file = '{}' }}", file.display()));
        assert_eq!(password(given).await, expected);
    }

    let given = database("password = { env = 'DB_PASSWORD' }").env_vars([("DB_PASSWORD", "007")]);
    assert_eq!(password(given).await, "007");

    let overridden = database("password = 'x'").env_vars([("APP__DATABASE__PASSWORD", "12345")]);
    assert_eq!(password(overridden).await, "12345");

    let by_variable = database("").env_vars([
        ("APP__DATABASE__PASSWORD__ENV", "DB_PASSWORD"),
        ("DB_PASSWORD", "hunter2"),
    ]);
    assert_eq!(password(by_variable).await, "hunter2");
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_is_an_error_that_names_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let (empty, long, binary) = (
        directory.path().join("empty"),
        directory.path().join("long"),
        directory.path().join("binary"),
    );
    fs::write(&empty, "\n").unwrap();
    fs::write(&long, vec![b'x'; 65 * 1024]).unwrap();
    fs::write(&binary, [0xff, 0xfe]).unwrap();
    let cases = [
        (
            "{ file = '/no/such/file' }".to_owned(),
            "cannot read the secret file `/no/such/file`: ",
        ),
        (
            format!("{{ file = '{}' }}", empty.display()),
            "the secret is empty",
        ),
        (
            format!("{{ file = '{}' }}", long.display()),
            "is longer than 65536 bytes",
        ),
        (
            format!("{{ file = '{}' }}", binary.display()),
            "is not valid UTF-8",
        ),
        (
            "{ env = 'NOT_SET' }".to_owned(),
            "the environment variable `NOT_SET` is not set",
        ),
        (
            "{ file = 'a', env = 'b' }".to_owned(),
            "expected one of `file` and `env`",
        ),
        ("{ }".to_owned(), "expected one of `file` and `env`"),
        ("{ vault = 'x' }".to_owned(), "unknown key `vault`"),
    ];
    for (given, expected) in cases {
        let text = only_error(database(&format!("password = {given}")))
            .await
            .to_string();
        assert!(text.contains("database.password"), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_secret_is_printed_by_nothing() {
    let secret = Secret::new("hunter2");
    assert_eq!(
        format!("{secret} {secret:?} {secret:#?}"),
        "*** Secret(***) Secret(***)"
    );

    let app = database("password = 'hunter2'").build().await.unwrap();
    let config: DatabaseConfig = app.services().get().unwrap();
    let printed = format!(
        "{config:?} {app:?} {:?} {} {:?}",
        app.config(),
        app.report(),
        app.report()
    );
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[tokio::test]
async fn the_error_of_a_wrong_secret_does_not_repeat_it() {
    let error = only_error(database("password = 73313371"))
        .await
        .to_string();
    assert!(
        error.contains("database.password: expected a text, `{ file = "),
        "{error}"
    );
    assert!(!error.contains("73313371"), "{error}");
    let error = only_error(database("password = ['73313371']"))
        .await
        .to_string();
    assert!(!error.contains("73313371"), "{error}");
}

#[test]
fn a_secret_is_read_by_other_deserializers_too() {
    let config: DatabaseConfig = serde_json::from_str(r#"{ "password": "hunter2" }"#).unwrap();
    assert_eq!(config.password.expose(), "hunter2");
    let error =
        serde_json::from_str::<DatabaseConfig>(r#"{ "password": { "env": "NO_SUCH_VAR_X" } }"#)
            .unwrap_err();
    assert!(
        error.to_string().contains("`NO_SUCH_VAR_X` is not set"),
        "{error}"
    );
    assert!(Config::empty().get::<Secret>("a").unwrap().is_none());
}
