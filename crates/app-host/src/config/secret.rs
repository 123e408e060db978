//! A text that is not printed and that is wiped when dropped.

use std::fmt;
use std::fs::File;
use std::io::Read;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use zeroize::Zeroizing;

use crate::config::variables::Variables;

/// The name by which the deserializer of [`Config`](crate::Config) knows a secret.
pub(super) const SECRET: &str = "$app_host::Secret";

/// A file with a secret is at most this long.
const LONGEST_FILE: u64 = 64 * 1024;

/// A text that is not printed: `Debug` and `Display` hide it, and its memory is wiped when it is dropped.
///
/// In a configuration it is given in one of three ways:
///
/// ```toml
/// password = "hunter2"                              # inline: for development
/// password = { file = "/run/secrets/password" }     # the file's text; a line break at its end is left out
/// password = { env = "DATABASE_PASSWORD" }          # the environment variable of this name
/// ```
///
/// A relative file is looked for from the working directory. File and variable are read with the section, so
/// that a missing one is a build error; a deserializer other than that of [`Config`](crate::Config) reads the
/// environment of the process. An inline secret also stays in the configuration tree, unwiped, for as long as
/// the application lives.
///
/// ```
/// let secret = app_host::Secret::new("hunter2");
/// assert_eq!(format!("{secret} {secret:?}"), "*** Secret(***)");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself; the one way to see it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SECRET, SecretVisitor)
    }
}

/// Where a secret is, other than inline.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretSource {
    file: Option<String>,
    env: Option<String>,
}

impl SecretSource {
    /// Fetches the secret; the message of a failure never holds it.
    pub(super) fn fetch(&self, variables: &Variables) -> Result<Secret, String> {
        let secret = match (&self.file, &self.env) {
            (Some(path), None) => from_file(path)?,
            (None, Some(name)) => from_variable(name, variables)?,
            _ => return Err("expected one of `file` and `env`".to_owned()),
        };
        if secret.0.is_empty() {
            return Err("the secret is empty".to_owned());
        }
        Ok(secret)
    }
}

fn from_file(path: &str) -> Result<Secret, String> {
    let failed = |error: std::io::Error| format!("cannot read the secret file `{path}`: {error}");
    let file = File::open(path).map_err(failed)?;
    // As long as it can get from the start: a growing buffer would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST_FILE as usize + 1));
    file.take(LONGEST_FILE + 1)
        .read_to_end(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > LONGEST_FILE {
        return Err(format!(
            "the secret file `{path}` is longer than {LONGEST_FILE} bytes"
        ));
    }
    let text = std::str::from_utf8(&text)
        .map_err(|_| format!("the secret file `{path}` is not valid UTF-8"))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text)))
}

fn from_variable(name: &str, variables: &Variables) -> Result<Secret, String> {
    let value = variables
        .get(name)
        .ok_or_else(|| format!("the environment variable `{name}` is not set"))?;
    let text = value
        .to_str()
        .ok_or_else(|| format!("the environment variable `{name}` is not valid UTF-8"))?;
    Ok(Secret::new(text))
}

/// Reads a secret; refuses with words that do not repeat it.
struct SecretVisitor;

const EXPECTED: &str = "expected a text, `{ file = \"…\" }` or `{ env = \"…\" }`";

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, `{ file = \"…\" }` or `{ env = \"…\" }`")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Secret, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Ok(Secret::new(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
        let source = SecretSource::deserialize(MapAccessDeserializer::new(map))?;
        source
            .fetch(&Variables::of_process())
            .map_err(A::Error::custom)
    }

    // The words of serde would repeat what they found.
    fn visit_bool<E: Error>(self, _: bool) -> Result<Secret, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Secret, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Secret, E> {
        Err(E::custom(EXPECTED))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Secret, E> {
        Err(E::custom(EXPECTED))
    }
}
