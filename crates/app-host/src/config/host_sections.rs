//! What the host reads of the configuration for itself.

use crate::config::settings::{AppConfig, ServerConfig};
use crate::{Config, ConfigError};

/// The sections of the host itself; defaults where they are wrong, which has been noted then.
pub(crate) fn host_sections(config: &Config) -> (AppConfig, ServerConfig, Vec<ConfigError>) {
    let mut wrong = Vec::new();
    let app: AppConfig = config
        .section("app")
        .unwrap_or_else(|error| note(error, &mut wrong));
    if app.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
        let origin = config.origin("app.name");
        wrong.push(ConfigError::custom(
            origin,
            "app.name",
            "expected a name, found nothing",
        ));
    }
    let server: ServerConfig = config
        .section("server")
        .unwrap_or_else(|error| note(error, &mut wrong));
    for (key, expectation) in server.faults() {
        let key = format!("server.{key}");
        wrong.push(ConfigError::custom(config.origin(&key), key, expectation));
    }
    (app, server, wrong)
}

fn note<T: Default>(error: ConfigError, wrong: &mut Vec<ConfigError>) -> T {
    wrong.push(error);
    T::default()
}
