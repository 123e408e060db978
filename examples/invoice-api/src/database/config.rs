//! The `[database]` section.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

/// The `[database]` section of the configuration.
///
/// | setting | default | means |
/// | --- | --- | --- |
/// | `url` | `sqlite://invoices.sqlite` | the file, created when absent |
/// | `read_connections` | 4 | connections that read at the same time; there is one that writes |
/// | `busy_timeout` | `"5s"` | how long a write waits for the write of another process, at most a minute |
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseConfig {
    /// Where the file is.
    pub url: DatabaseUrl,
    /// Connections that read at the same time, 1 to 64.
    pub read_connections: ReadConnections,
    /// How long a write waits for the write of another process.
    pub busy_timeout: BusyTimeout,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: DatabaseUrl(PathBuf::from("invoices.sqlite")),
            read_connections: ReadConnections(4),
            busy_timeout: BusyTimeout(Duration::from_secs(5)),
        }
    }
}

impl DatabaseConfig {
    /// The defaults for the file at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            url: DatabaseUrl(path.into()),
            ..Self::default()
        }
    }
}

/// `sqlite://PATH`: an absolute path has a third slash, another is relative to where the program was started.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DatabaseUrl(PathBuf);

/// The setting is not of the form `sqlite://PATH`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected \"sqlite://PATH\" with the path of a file, such as \"sqlite://invoices.sqlite\"")]
pub struct DatabaseUrlError;

impl DatabaseUrl {
    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = DatabaseUrlError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        // `:memory:` would give each connection a database of its own; options after `?` would be
        // silently part of the name.
        text.strip_prefix("sqlite://")
            .filter(|path| !path.is_empty() && *path != ":memory:" && !path.contains(['?', '\0']))
            .map(|path| Self(PathBuf::from(path)))
            .ok_or(DatabaseUrlError)
    }
}

/// Connections that read at the same time, 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct ReadConnections(u32);

impl ReadConnections {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for ReadConnections {
    type Error = &'static str;

    fn try_from(count: u32) -> Result<Self, Self::Error> {
        match count {
            1..=64 => Ok(Self(count)),
            _ => Err("expected a number between 1 and 64"),
        }
    }
}

/// How long a write waits for the write of another process: `"5s"`, at most a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct BusyTimeout(#[serde(with = "app_host::duration")] Duration);

impl BusyTimeout {
    /// The time; a minute where more was asked for, which is longer than any caller waits.
    pub fn get(self) -> Duration {
        self.0.min(Duration::from_secs(60))
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseUrl, ReadConnections};

    #[test]
    fn a_url_names_a_file() {
        let path = |text: &str| {
            DatabaseUrl::try_from(text.to_owned()).map(|url| url.path().display().to_string())
        };
        assert_eq!(path("sqlite://a/b.sqlite").as_deref(), Ok("a/b.sqlite"));
        assert_eq!(
            path("sqlite:///var/b.sqlite").as_deref(),
            Ok("/var/b.sqlite")
        );
        for text in [
            "",
            "b.sqlite",
            "sqlite://",
            "sqlite://:memory:",
            "postgres://x",
            "sqlite://b?mode=ro",
        ] {
            assert!(path(text).is_err(), "{text}");
        }
    }

    #[test]
    fn limits_of_the_settings_hold() {
        assert!(ReadConnections::try_from(0).is_err());
        assert!(ReadConnections::try_from(65).is_err());
    }
}
