//! Sizes with a unit, such as `"64KiB"` or `"2MB"`, as a number of bytes; for `#[serde(with = "app_host::bytes")]`.
//!
//! `KiB`, `MiB`, `GiB` count by 1 024; `kB`, `MB`, `GB` by 1 000. A number without a unit is refused.

use std::fmt;

use bytesize::ByteSize;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

/// Reads a size.
///
/// # Errors
///
/// What is there is no text, or has no unit.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_str(BytesVisitor)
}

/// Writes a size as it would be read.
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{bytes}B"))
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size with a unit, such as \"64KiB\" or \"2MiB\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
        match text.parse::<ByteSize>() {
            Ok(size) if has_unit => Ok(size.as_u64()),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}
