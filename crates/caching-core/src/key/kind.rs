//! The kind of a key: the word that picks its profile and separates it from other kinds.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The kind of a key, such as `invoice`: one for each sort of thing that is cached.
///
/// A kind picks `[cache.profiles.KIND]` in the configuration, stands in the physical key, and keeps
/// keys of different kinds apart even where their texts are equal. It is written in `lower_snake`,
/// because environment variables, which may override a profile, know no other case.
///
/// ```
/// use caching_core::KeyKind;
///
/// const INVOICE: KeyKind = KeyKind::new("invoice");
/// assert_eq!(INVOICE.name(), "invoice");
/// ```
#[derive(Clone, Copy)]
pub struct KeyKind {
    name: &'static str,
    fingerprint: u64,
}

impl KeyKind {
    /// The kind of plain `&str` and `String` keys, which have no profile of their own.
    pub const PLAIN: Self = Self::new("plain");

    /// A kind with this name.
    ///
    /// # Panics
    ///
    /// At compile time, when used for a `const`: if the name is empty, longer than 64 bytes, does not
    /// begin with a lower-case letter, or holds anything but `a-z`, `0-9` and `_`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(
            is_lower_snake(name),
            "the kind of a cache key is lower_snake: 1 to 64 of a-z, 0-9 and _, a letter first"
        );
        Self::known(name)
    }

    /// The kind that has given this name before.
    pub(crate) const fn known(name: &'static str) -> Self {
        Self {
            name,
            fingerprint: fingerprint(name),
        }
    }

    /// The name, as it stands in the configuration and in the physical key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// A number that equal kinds share, for hashing without reading the name.
    pub(crate) const fn fingerprint(self) -> u64 {
        self.fingerprint
    }
}

impl PartialEq for KeyKind {
    fn eq(&self, other: &Self) -> bool {
        // The names decide: two names may share a fingerprint. Mostly they are the same literal.
        self.fingerprint == other.fingerprint
            && (std::ptr::eq(self.name, other.name) || self.name == other.name)
    }
}

impl Eq for KeyKind {}

impl Hash for KeyKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.fingerprint);
    }
}

impl fmt::Debug for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyKind({})", self.name)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Whether a name is one that a kind, a profile or a configuration key may have.
pub(crate) const fn is_lower_snake(name: &str) -> bool {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > 64 || !bytes[0].is_ascii_lowercase() {
        return false;
    }
    let mut at = 1;
    while at < bytes.len() {
        let byte = bytes[at];
        if !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_') {
            return false;
        }
        at += 1;
    }
    true
}

/// FNV-1a, 64 bits: small enough to run in a `const`.
///
/// Source: Fowler, Noll, Vo, <http://www.isthe.com/chongo/tech/comp/fnv/>.
pub(crate) const fn fingerprint(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash ^= bytes[at] as u64;
        hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_equal_by_name() {
        assert_eq!(KeyKind::new("invoice"), KeyKind::new("invoice"));
        assert_ne!(KeyKind::new("invoice"), KeyKind::new("invoices"));
    }

    #[test]
    fn a_name_that_configuration_could_not_reach_is_refused() {
        for name in ["", "Invoice", "in-voice", "1st", "_x", "a:b", "é"] {
            assert!(!is_lower_snake(name), "{name}");
        }
        assert!(is_lower_snake("invoice_line_2"));
    }
}
