//! What can go wrong, an enum an act; none of them holds a key or a value.

use std::fmt;
use std::path::PathBuf;

use caching_core::BoxError;

/// Why a payload could not be sealed. It is then not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness(#[source] BoxError),
    /// More bytes than AES-GCM takes in one message, 64 GiB.
    #[error("a payload of {length} bytes is more than AES-GCM takes in one message")]
    TooLong {
        /// Bytes of the payload.
        length: usize,
    },
}

/// Why a stored payload was not opened. The read is then a miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is no record of this crate: plain text of before, or something foreign.
    #[error(
        "the payload is not encrypted; where it was stored before encryption was switched on, \
         `cache.encryption.migrate_from_plaintext` lets it be read"
    )]
    NotSealed,
    /// A record of a format that a later version of this crate writes.
    #[error("the payload is encrypted in format {0}, which this version does not know")]
    UnknownFormat(u8),
    /// Shorter than the shortest record.
    #[error("the encrypted payload is cut off")]
    Truncated,
    /// Sealed with a key that is not in the ring: it was removed, or has not arrived here yet.
    #[error("the payload is encrypted with a key that is not in the ring")]
    UnknownKey,
    /// The tag is wrong: altered, moved here from another key, scope or version, or sealed with a secret
    /// of its scope that was replaced since.
    #[error("the encrypted payload is not authentic: altered, or not sealed for this record")]
    NotAuthentic,
}

/// Why bytes or a text are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretKeyError {
    /// Something other than standard base64 with padding.
    #[error("is not base64 with padding; make a key with `openssl rand -base64 32`")]
    NotBase64,
    /// Not 32 bytes.
    #[error("has {length} bytes where a key has 32; make one with `openssl rand -base64 32`")]
    WrongLength {
        /// How many there are.
        length: usize,
    },
    /// Far too long to be a key.
    #[error("is too long to be a key; make one with `openssl rand -base64 32`")]
    TooLong,
    /// Every byte is zero, as in a place that nobody has filled.
    #[error("is all zero, which protects nothing; make one with `openssl rand -base64 32`")]
    AllZero,
}

/// One reason why keys make no ring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// There is no key at all.
    #[error("there is no key")]
    NoKey,
    /// An id that is no id. It is not repeated: it could be a key in the wrong place.
    #[error("the id of key {position} is not 1 to 32 of a-z, A-Z, 0-9, `-`, `_` and `.`")]
    InvalidId {
        /// The place of the key in the list, from 1.
        position: usize,
    },
    /// Two keys of one id.
    #[error("two keys have the id `{id}`; give each its own")]
    DuplicateId {
        /// The id.
        id: String,
    },
    /// One key under two ids.
    #[error("`{first}` and `{second}` are the same key; a rotation needs a new one")]
    SameKey {
        /// The id that comes first.
        first: String,
        /// The id that comes second.
        second: String,
    },
    /// The key that is to write is not there.
    #[error("the active key is none of {}", quoted(.ids))]
    UnknownActive {
        /// The ids that there are.
        ids: Vec<String>,
    },
    /// The text of a scope that is none.
    #[error("the scope of secret {position} is empty or longer than 256 bytes")]
    InvalidScope {
        /// The place of the secret in the list, from 1.
        position: usize,
    },
    /// Two secrets for one scope.
    #[error("the scopes of secrets {first} and {second} are the same; a scope has one secret")]
    DuplicateScope {
        /// The place of the first in the list, from 1.
        first: usize,
        /// The place of the second.
        second: usize,
    },
}

/// All reasons why keys make no ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysErrors(pub(crate) Vec<KeysError>);

impl KeysErrors {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &KeysError> {
        self.0.iter()
    }
}

impl fmt::Display for KeysErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, &self.0)
    }
}

impl std::error::Error for KeysErrors {}

/// One thing that is wrong with the settings of encryption, or with what they point at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptionError {
    /// What stands at a setting is no key.
    #[error("`{setting}` {problem}")]
    InvalidKey {
        /// Where it stands.
        setting: String,
        /// What is wrong with it.
        problem: SecretKeyError,
    },
    /// The file that a setting names gives no key.
    #[error("`{setting}`: the key file `{}` {problem}", path.display())]
    InvalidFile {
        /// The setting that names the file.
        setting: String,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The environment variable that a setting names is not there, or not text.
    #[error("`{setting}`: the environment variable `{variable}` {problem}")]
    InvalidVariable {
        /// The setting that names the variable.
        setting: String,
        /// The variable.
        variable: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A key where the name of a file or of a variable belongs.
    #[error("`{setting}` has a key where the name of a file or variable belongs; say `key = …`")]
    KeyAsName {
        /// The element at fault.
        setting: String,
    },
    /// A key has to be in exactly one place.
    #[error("`{setting}` needs exactly one of `key`, `file` and `env`")]
    OnePlace {
        /// The element at fault.
        setting: String,
    },
    /// The keys make no ring.
    #[error("`{setting}`: {problem}")]
    Keys {
        /// The list at fault.
        setting: &'static str,
        /// What is wrong with it.
        problem: KeysError,
    },
    /// Both a key and a ring.
    #[error(
        "`cache.encryption.key` and `cache.encryption.keys` are both set; \
         move the key into the ring, under any id"
    )]
    KeyAndKeys,
    /// Encryption was switched on, and there is nothing to encrypt with.
    #[error(
        "`cache.encryption.enabled` is true, and there is no key; \
         set `cache.encryption.key` or `cache.encryption.keys`"
    )]
    EnabledWithoutKey,
    /// A setting that is out of its range.
    #[error("`{setting}` {problem}")]
    InvalidSetting {
        /// The setting.
        setting: &'static str,
        /// What is wrong with it, and what would be right.
        problem: &'static str,
    },
}

/// All that is wrong with the settings of encryption.
#[derive(Debug)]
pub struct EncryptionErrors(pub(crate) Vec<EncryptionError>);

impl EncryptionErrors {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &EncryptionError> {
        self.0.iter()
    }
}

impl fmt::Display for EncryptionErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        joined(f, &self.0)
    }
}

impl std::error::Error for EncryptionErrors {}

fn joined<E: fmt::Display>(f: &mut fmt::Formatter<'_>, errors: &[E]) -> fmt::Result {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    f.write_str(&texts.join("; "))
}

fn quoted(ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    ids.join(", ")
}
