//! Durations with a unit, such as `"30s"`, `"5m"` or `"1h 30m"`; for `#[serde(with = "app_host::duration")]`.
//!
//! A number without a unit is refused: nobody can see what it counts.
//!
//! ```
//! use std::time::Duration;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields, default)]
//! struct PollConfig {
//!     #[serde(with = "app_host::duration")]
//!     interval: Duration,
//!     #[serde(with = "app_host::duration::option")]
//!     give_up_after: Option<Duration>,
//! }
//!
//! impl Default for PollConfig {
//!     fn default() -> Self {
//!         Self { interval: Duration::from_secs(30), give_up_after: None }
//!     }
//! }
//!
//! let config = app_host::Config::from_text(app_host::ConfigFormat::Toml, "poll.interval = '2m'")?;
//! let poll: PollConfig = config.section("poll")?;
//! assert_eq!(poll.interval, Duration::from_secs(120));
//! assert_eq!(poll.give_up_after, None);
//! # Ok::<(), app_host::ConfigError>(())
//! ```

use std::fmt;
use std::time::Duration;

use serde::Deserializer;
use serde::Serializer;
use serde::de::{Error, Visitor};

/// Reads a duration.
///
/// # Errors
///
/// What is there is no text, or has no unit.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(DurationVisitor)
}

/// Writes a duration as it would be read.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_duration(*duration))
}

/// Durations that may be left out; for `#[serde(with = "app_host::duration::option", default)]`.
pub mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Reads a duration where there is one.
    ///
    /// # Errors
    ///
    /// What is there is no text, or has no unit.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Humane(#[serde(with = "super")] Duration);

        Ok(Option::<Humane>::deserialize(deserializer)?.map(|Humane(duration)| duration))
    }

    /// Writes a duration where there is one.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with a unit, such as \"30s\", \"5m\" or \"2h\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        humantime::parse_duration(text)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}
