//! Where an application runs.

use std::fmt;
use std::str::FromStr;

/// Where an application runs: it picks the layer `config/{environment}.*`, and what is unsafe is refused
/// everywhere but in development.
///
/// Taken from `APP_ENVIRONMENT`; [`Production`](Self::Production) unless set, so that what is unsafe fails
/// closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Environment {
    /// `production`
    #[default]
    Production,
    /// `development`
    Development,
    /// Any other name, such as `staging`; treated like production by everything but the name of its file.
    Named(EnvironmentName),
}

/// The name of an environment other than the known ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EnvironmentName(String);

/// The name is no name of an environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name of an environment; use `production`, `development` or a name of a-z, 0-9, `_` and `-` other than `default` and `local`"
)]
pub struct InvalidEnvironment(String);

impl Environment {
    /// The name, as in the name of the configuration file.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
            Self::Named(name) => &name.0,
        }
    }

    /// Whether this is a developer's machine, where unsafe settings are warned about only.
    pub fn is_development(&self) -> bool {
        matches!(self, Self::Development)
    }

    /// Whether unsafe settings are refused: everywhere but in development.
    pub fn is_production(&self) -> bool {
        !self.is_development()
    }
}

impl FromStr for Environment {
    type Err = InvalidEnvironment;

    fn from_str(name: &str) -> Result<Self, InvalidEnvironment> {
        // The name becomes a part of a file name, hence the short alphabet; `default` and `local` are
        // layers of their own.
        let is_name = (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
        match name {
            "production" => Ok(Self::Production),
            "development" => Ok(Self::Development),
            "default" | "local" => Err(InvalidEnvironment(name.to_owned())),
            _ if is_name => Ok(Self::Named(EnvironmentName(name.to_owned()))),
            _ => Err(InvalidEnvironment(name.chars().take(64).collect())),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
