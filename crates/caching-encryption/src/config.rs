//! The section `[cache.encryption]` of a configuration file.

mod quiet;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::keys::KeyId;

/// The section `[cache.encryption]`.
///
/// It deserialises from anything that serde reads; an app host reads it from its TOML or JSON files. It
/// says where keys are and holds inline ones; [`KeyFiles::read`](crate::KeyFiles::read) makes a ring of it.
/// `Debug` shows no key, and errors repeat none.
///
/// ```
/// use caching_encryption::{EncryptionConfig, KeyFiles};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: EncryptionConfig = toml::from_str(
///     r#"
///     active = "2026-11"
///
///     [[keys]]
///     id = "2026-05"
///     key = "q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k="
///
///     [[keys]]
///     id = "2026-11"
///     key = "7hSMrLq2ZrQ5N5CN8kN0dBYd9dVFQTQhSXKkzMGUG3g="
///     "#,
/// )?;
/// let ring = KeyFiles::read(&config)?.ring().clone();
/// assert_eq!(ring.keys().active().as_str(), "2026-11");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EncryptionConfig {
    /// Whether what leaves the process is encrypted. True without a key is an error. Default: on when
    /// there is a key
    pub enabled: Option<bool>,

    /// The one key: 32 bytes in base64, `{ file = "…" }` or `{ env = "…" }`. Its id is `default`.
    pub key: Option<KeyPlace>,

    /// Several keys, instead of one: `[{ id = "…", file = "…" }, …]`. All of them read.
    #[serde(deserialize_with = "quiet::list")]
    pub keys: Vec<KeyConfig>,

    /// The id of the key that writes. Default: the last of `keys`
    pub active: Option<KeyId>,

    /// Secrets of single scopes, mixed into their keys: `[{ scope = "t:acme", file = "…" }, …]`.
    /// Destroying one destroys what was written with it.
    #[serde(deserialize_with = "quiet::list")]
    pub scope_secrets: Vec<ScopeSecretConfig>,

    /// Whether a store that processes share may be used in production without encryption.
    /// Default: `false`
    pub allow_plaintext: bool,

    /// Whether values that were stored before encryption was switched on are read. While they are,
    /// whoever can write to the store can put values there. Default: `false`
    pub migrate_from_plaintext: bool,

    /// How often key files are read again; from 100 ms to 1 h. Default: `10s`
    #[serde(with = "quiet::duration")]
    pub reload_interval: Duration,
}

impl Default for EncryptionConfig {
    fn default() -> Self {
        Self {
            enabled: None,
            key: None,
            keys: Vec::new(),
            active: None,
            scope_secrets: Vec::new(),
            allow_plaintext: false,
            migrate_from_plaintext: false,
            reload_interval: Duration::from_secs(10),
        }
    }
}

impl EncryptionConfig {
    /// Whether a key is set, well or badly.
    #[must_use]
    pub fn has_key(&self) -> bool {
        self.key.is_some() || !self.keys.is_empty()
    }

    /// Whether encryption is to be on: it is said to be, or something is set that makes no sense without.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.enabled
            .unwrap_or(self.has_key() || self.active.is_some() || !self.scope_secrets.is_empty())
    }
}

/// One of `cache.encryption.keys`. It has exactly one of `key`, `file` and `env`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KeyConfig {
    /// What people call the key: 1 to 32 of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.`. Required.
    pub id: KeyId,

    /// The key itself: 32 bytes in base64. Default: none
    #[serde(default)]
    pub key: Option<KeyText>,

    /// The file that holds the key in base64. It is read again when it changes. Default: none
    #[serde(default)]
    pub file: Option<PathBuf>,

    /// The environment variable that holds the key in base64. Default: none
    #[serde(default)]
    pub env: Option<String>,
}

/// One of `cache.encryption.scope_secrets`. It has exactly one of `key`, `file` and `env`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScopeSecretConfig {
    /// The text of the scope, as it stands in keys: `t:acme` for the tenant `acme`. Required.
    pub scope: String,

    /// The secret itself: 32 bytes in base64. Default: none
    #[serde(default)]
    pub key: Option<KeyText>,

    /// The file that holds the secret in base64. It is read again when it changes. Default: none
    #[serde(default)]
    pub file: Option<PathBuf>,

    /// The environment variable that holds the secret in base64. Default: none
    #[serde(default)]
    pub env: Option<String>,
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPlace {
    /// Here.
    Inline(KeyText),
    /// In a file, which is read again when it changes.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
}

/// The text of a key, not looked at yet. `Debug` hides it, and its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText(Zeroizing<String>);

impl KeyText {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(***)")
    }
}
