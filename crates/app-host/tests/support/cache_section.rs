//! A section with a setting of each kind, and programs that read it.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use app_host::{App, AppBuilder, BuildError};
use serde::Deserialize;
use tempfile::TempDir;

use super::{A, module};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CacheConfig {
    pub(crate) key_prefix: String,
    pub(crate) entries: u32,
    pub(crate) fail_safe: bool,
    pub(crate) ratio: f64,
    #[serde(with = "app_host::duration")]
    pub(crate) duration: Duration,
    #[serde(with = "app_host::duration::option")]
    pub(crate) jitter: Option<Duration>,
    #[serde(with = "app_host::bytes")]
    pub(crate) limit: u64,
    pub(crate) tags: Vec<String>,
    pub(crate) ports: Vec<u16>,
    pub(crate) kind: Option<Kind>,
    pub(crate) profiles: HashMap<String, Profile>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Local,
    Shared { replicas: u8 },
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    pub(crate) entries: Option<u32>,
}

pub(crate) fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

pub(crate) fn reading(directory: &TempDir) -> AppBuilder {
    App::builder()
        .without_environment_variables()
        .config_dir(directory.path())
        .with_module(module::<A>("cache").configure(|cx| {
            let config: CacheConfig = cx.section("cache")?;
            cx.provide_value(Arc::new(config));
            Ok(())
        }))
}

pub(crate) async fn read(builder: AppBuilder) -> Arc<CacheConfig> {
    builder.build().await.unwrap().services().get().unwrap()
}

/// Reads `cache` of a text, with environment variables.
pub(crate) async fn with_variables(text: &str, variables: &[(&str, &str)]) -> Arc<CacheConfig> {
    let directory = directory(&[("default.toml", text)]);
    read(reading(&directory).env_vars(variables.iter().copied())).await
}

pub(crate) fn told(error: &BuildError) -> String {
    error.to_string()
}
