//! A key as processes name it to each other.

use std::fmt;

use crate::key::fingerprint;

/// A key as it stands outside the process, without the deployment's prefix: `SCOPE KIND:TEXT`.
///
/// It holds visible ASCII and one space, which stands after the scope, so that it can be taken apart
/// again although scopes and texts may hold colons.
///
/// ```
/// use caching_core::KeyName;
///
/// let name = KeyName::parse("t:acme invoice:7")?;
/// assert_eq!(name.scope(), "t:acme");
/// assert_eq!(name.kind(), "invoice");
/// assert_eq!(name.text(), "7");
/// assert_eq!(name.physical("shop"), "shop:t:acme:invoice:7");
/// # Ok::<_, caching_core::NotAKeyName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName {
    name: Box<str>,
    kind_at: u32,
    text_at: u32,
    /// Here, since each operation asks for it more than once, and it takes as long as a look into the map.
    stripe: u16,
}

/// A text that names no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a key: it has to be `SCOPE KIND:TEXT` in visible ASCII")]
pub struct NotAKeyName;

impl KeyName {
    /// How many stripes the keys of a partition are spread over. A power of two.
    ///
    /// Two keys of one stripe can cost each other a store, never a stale value.
    pub const STRIPES: u16 = 4096;

    /// The longest name that is read, in bytes: longer than what any key limit in use allows, and
    /// short enough for whatever is found in a store.
    pub const LIMIT: usize = 1 << 20;

    pub(crate) fn new(scope: &str, kind: &str, text: &str) -> Self {
        let kind_at = scope.len() + 1;
        let text_at = kind_at + kind.len() + 1;
        let mut name = String::with_capacity(text_at + text.len());
        for part in [scope, " ", kind, ":", text] {
            name.push_str(part);
        }
        Self {
            stripe: stripe_of(&name),
            name: name.into(),
            kind_at: u32::try_from(kind_at).unwrap_or(u32::MAX),
            text_at: u32::try_from(text_at).unwrap_or(u32::MAX),
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`NotAKeyName`].
    pub fn parse(name: &str) -> Result<Self, NotAKeyName> {
        let (scope, rest) = name.split_once(' ').ok_or(NotAKeyName)?;
        let (kind, text) = rest.split_once(':').ok_or(NotAKeyName)?;
        let is_clean = |part: &str| part.bytes().all(|byte| byte.is_ascii_graphic());
        if name.len() > Self::LIMIT
            || scope.is_empty()
            || kind.is_empty()
            || !is_clean(scope)
            || !is_clean(rest)
        {
            return Err(NotAKeyName);
        }
        Ok(Self::new(scope, kind, text))
    }

    /// The whole name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The text of the scope.
    #[must_use]
    pub fn scope(&self) -> &str {
        self.name.get(..self.kind_at as usize - 1).unwrap_or("")
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.name
            .get(self.kind_at as usize..self.text_at as usize - 1)
            .unwrap_or("")
    }

    /// The text, escaped.
    #[must_use]
    pub fn text(&self) -> &str {
        self.name.get(self.text_at as usize..).unwrap_or("")
    }

    /// The key with a deployment's prefix: `PREFIX:SCOPE:KIND:TEXT`.
    #[must_use]
    pub fn physical(&self, prefix: &str) -> String {
        let mut physical = String::with_capacity(prefix.len() + 1 + self.name.len());
        // Kind and text stand there with the colon between them.
        let of_kind = self.name.get(self.kind_at as usize..).unwrap_or("");
        for part in [prefix, ":", self.scope(), ":", of_kind] {
            physical.push_str(part);
        }
        physical
    }

    /// The stripe that guards the key, the same in all processes: from [FNV-1a] of the name in 64
    /// bits, the lowest after its halves were folded together.
    ///
    /// [FNV-1a]: https://datatracker.ietf.org/doc/draft-eastlake-fnv/
    #[must_use]
    pub fn stripe(&self) -> u16 {
        self.stripe
    }
}

fn stripe_of(name: &str) -> u16 {
    let hash = fingerprint(name);
    // The remainder is below STRIPES, which is a u16.
    ((hash ^ (hash >> 32)) % u64::from(KeyName::STRIPES)) as u16
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart_where_it_was_put_together() {
        for (scope, kind, text) in [
            ("shared", "key", ""),
            ("t:acme", "invoice", "a:b:c"),
            ("t:a:b", "k", "%20x"),
        ] {
            let name = KeyName::new(scope, kind, text);
            assert_eq!(
                (name.scope(), name.kind(), name.text()),
                (scope, kind, text)
            );
            assert_eq!(KeyName::parse(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn what_names_no_key_is_refused() {
        for text in [
            "",
            " ",
            "shared",
            "shared key",
            " key:x",
            "s :x",
            "s k:a b",
            "s k:\u{e9}",
            "s k:\n",
        ] {
            assert_eq!(KeyName::parse(text), Err(NotAKeyName), "{text:?}");
        }
    }

    #[test]
    fn stripes_are_the_same_for_ever() {
        // Part of the wire format: processes of two versions must agree on them.
        assert_eq!(KeyName::new("t:acme", "invoice", "7").stripe(), 2776);
    }
}
