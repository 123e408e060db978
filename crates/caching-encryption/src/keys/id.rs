//! What people call a key.

use std::fmt;
use std::sync::Arc;

/// What people call a key: 1 to 32 of `a-z`, `A-Z`, `0-9`, `-`, `_` and `.`.
///
/// It stands in settings and logs, and not in what is stored: there a digest of the key says which it is,
/// so that a key can be given another id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// The longest id, in bytes; a key in base64 is longer, so that one in the wrong place is no id.
    pub const MAX_LENGTH: usize = 32;

    /// The id of this text, if it is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_id = (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_allowed);
        is_id.then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
