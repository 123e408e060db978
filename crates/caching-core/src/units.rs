//! Humane units in configuration: `"5m"`, `"2KiB"`, `"off"`, `0.8`.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

/// A limit in time that can be switched off: `"2s"` or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No limit.
    Off,
    /// This long.
    After(Duration),
}

impl Limit {
    /// The duration, unless it is off.
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::After(duration) => Some(duration),
        }
    }
}

impl From<Duration> for Limit {
    fn from(duration: Duration) -> Self {
        Self::After(duration)
    }
}

/// When a hit refreshes its entry behind the caller's back: a share of the duration, `"random"` or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EagerRefresh {
    /// Never.
    Off,
    /// From this share of the duration on, above 0 and below 1.
    At(f64),
    /// At random, the likelier the nearer the end and the longer its factory took, so that many pods
    /// rarely refresh at the same time. A value that came from the shared store is left to the pod
    /// that loaded it.
    ///
    /// Source: Vattani, Chierichetti, Lowenstein, *Optimal Probabilistic Cache Stampede Prevention*,
    /// Proceedings of the VLDB Endowment 8(8), 2015, with β = 1.
    Random,
}

/// Who is evicted first when room in a process gets short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// As if it had never been read.
    Low,
    /// By how often it is read.
    #[default]
    Normal,
    /// As if it had been read often.
    High,
}

/// A limit in size that can be switched off: `"2KiB"` or `"off"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeLimit {
    /// No limit.
    Off,
    /// This many bytes.
    At(ByteSize),
}

impl SizeLimit {
    /// The size, unless it is off.
    #[must_use]
    pub const fn size(self) -> Option<ByteSize> {
        match self {
            Self::Off => None,
            Self::At(size) => Some(size),
        }
    }
}

/// A duration as people write it, for `#[serde(with = "…")]`.
pub(crate) mod duration {
    use super::*;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Duration, D::Error> {
        de.deserialize_str(Text {
            expecting: "a duration such as \"30s\", \"5m\" or \"2h\"",
            parse: parse_duration,
        })
    }

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, ser: S) -> Result<S::Ok, S::Error> {
        ser.collect_str(&humantime::format_duration(*duration))
    }
}

/// A duration that a profile may leave out, for `#[serde(with = "…")]`.
pub(crate) mod optional_duration {
    use super::*;

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        de: D,
    ) -> Result<Option<Duration>, D::Error> {
        duration::deserialize(de).map(Some)
    }

    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        ser: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => duration::serialize(duration, ser),
            None => ser.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
        de.deserialize_str(Text {
            expecting: "a duration such as \"2s\", or \"off\"",
            parse: |text: &str| {
                if text == "off" {
                    Ok(Self::Off)
                } else {
                    parse_duration(text).map(Self::After)
                }
            },
        })
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, ser: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => ser.serialize_str("off"),
            Self::After(limit) => duration::serialize(limit, ser),
        }
    }
}

impl<'de> Deserialize<'de> for SizeLimit {
    fn deserialize<D: Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
        de.deserialize_str(Text {
            expecting: "a size such as \"2KiB\", or \"off\"",
            parse: |text: &str| {
                if text == "off" {
                    Ok(Self::Off)
                } else {
                    text.parse().map(Self::At)
                }
            },
        })
    }
}

impl Serialize for SizeLimit {
    fn serialize<S: Serializer>(&self, ser: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => ser.serialize_str("off"),
            Self::At(size) => size.serialize(ser),
        }
    }
}

impl<'de> Deserialize<'de> for EagerRefresh {
    fn deserialize<D: Deserializer<'de>>(de: D) -> Result<Self, D::Error> {
        de.deserialize_any(ShareOrOff)
    }
}

impl Serialize for EagerRefresh {
    fn serialize<S: Serializer>(&self, ser: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => ser.serialize_str("off"),
            Self::At(share) => ser.serialize_f64(*share),
            Self::Random => ser.serialize_str("random"),
        }
    }
}

/// The longest duration that is taken; more is a mistake in the unit.
const LONGEST: Duration = Duration::from_secs(200 * 365 * 24 * 60 * 60);

fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration > LONGEST {
        return Err("longer than 200 years".to_owned());
    }
    Ok(duration)
}

struct Text<P> {
    expecting: &'static str,
    parse: P,
}

impl<T, P: Fn(&str) -> Result<T, String>> Visitor<'_> for Text<P> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expecting)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(|problem| {
            E::custom(format_args!(
                "invalid value \"{text}\": {problem}, expected {}",
                self.expecting
            ))
        })
    }
}

struct ShareOrOff;

impl ShareOrOff {
    fn share<E: de::Error>(share: f64) -> Result<EagerRefresh, E> {
        if share > 0.0 && share < 1.0 {
            Ok(EagerRefresh::At(share))
        } else {
            Err(E::custom(format_args!(
                "invalid value {share}, expected a share of the duration above 0 and below 1, \"random\" or \"off\""
            )))
        }
    }
}

impl Visitor<'_> for ShareOrOff {
    type Value = EagerRefresh;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share of the duration such as 0.8, \"random\" or \"off\"")
    }

    fn visit_f64<E: de::Error>(self, share: f64) -> Result<EagerRefresh, E> {
        Self::share(share)
    }

    fn visit_i64<E: de::Error>(self, share: i64) -> Result<EagerRefresh, E> {
        Self::share(share as f64)
    }

    fn visit_u64<E: de::Error>(self, share: u64) -> Result<EagerRefresh, E> {
        Self::share(share as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<EagerRefresh, E> {
        match text {
            "off" => Ok(EagerRefresh::Off),
            "random" => Ok(EagerRefresh::Random),
            // Environment variables are text.
            _ => Self::share(
                text.parse()
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))?,
            ),
        }
    }
}
