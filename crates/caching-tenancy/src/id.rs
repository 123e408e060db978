//! The name of a tenant, checked once at the door.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

/// The name of a tenant, such as `acme` or `united-kingdom`.
///
/// Between 1 and 64 bytes of `a-z`, `0-9`, `-`, `_` and `.`, beginning and ending with a letter or a
/// digit. What has been parsed can be put anywhere without being escaped again:
///
/// | place | why it is safe there |
/// | --- | --- |
/// | keys and channels | no `:`, space, glob or brace, so it ends where it seems to and matches only itself |
/// | logs, terminals, headers | visible ASCII only; no look-alike of another alphabet |
/// | a path | no slash, never `.` or `..`, never hidden, never taken for an option |
/// | a host name | lower case already, so that case makes no second tenant of the first |
///
/// Upper case is refused and not folded: `Acme` is a mistake that the caller should hear of.
///
/// Cheap to clone: all clones share one text.
///
/// ```
/// use caching_tenancy::TenantId;
///
/// let acme = TenantId::parse("acme")?;
/// assert_eq!(acme.as_str(), "acme");
/// assert!(TenantId::parse("acme:invoice").is_err());
/// assert!(TenantId::parse("../acme").is_err());
/// # Ok::<(), caching_tenancy::TenantIdError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// The longest id, in bytes.
    pub const MAX_LENGTH: usize = 64;

    /// Checks a text and makes it a tenant's id.
    ///
    /// # Errors
    ///
    /// [`TenantIdError`] says what is wrong, in words that are safe to print and to send back.
    pub fn parse(text: &str) -> Result<Self, TenantIdError> {
        check(text)?;
        Ok(Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(text: &str) -> Result<(), TenantIdError> {
    // The length first: nothing else looks at a text that could be of any size.
    if text.len() > TenantId::MAX_LENGTH {
        return Err(TenantIdError::TooLong { length: text.len() });
    }
    for (position, character) in text.char_indices() {
        if !is_allowed(character) {
            return Err(TenantIdError::Character {
                character,
                position,
            });
        }
    }
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().next_back()) else {
        return Err(TenantIdError::Empty);
    };
    match [first, last].into_iter().find(|edge| !is_edge(*edge)) {
        Some(character) => Err(TenantIdError::Edge { character }),
        None => Ok(()),
    }
}

const fn is_allowed(character: char) -> bool {
    is_edge(character) || matches!(character, '-' | '_' | '.')
}

/// What may stand first and last. `..`, `.hidden` and `-rf` may not.
const fn is_edge(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9')
}

/// A text is not the id of a tenant.
///
/// The message never repeats the text, and shows the one character at fault escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantIdError {
    /// There is no character in it.
    #[error(
        "a tenant id is empty; it has 1 to {} characters",
        TenantId::MAX_LENGTH
    )]
    Empty,

    /// It is longer than [`TenantId::MAX_LENGTH`].
    #[error(
        "a tenant id has {length} bytes; it has at most {}",
        TenantId::MAX_LENGTH
    )]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },

    /// A character that no tenant id has.
    #[error(
        "a tenant id has the character `{}` at byte {position}; \
         it is made of a-z, 0-9, `-`, `_` and `.`",
        character.escape_default()
    )]
    Character {
        /// The character.
        character: char,
        /// Where it stands, in bytes.
        position: usize,
    },

    /// It begins or ends with something else than a letter or a digit.
    #[error("a tenant id begins or ends with `{character}`; it does with a letter or a digit")]
    Edge {
        /// The character, one of `-`, `_` and `.`.
        character: char,
    },
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for TenantId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

// A map by tenant can be asked with a `&str`: equality, order and hash are those of the text.
impl Borrow<str> for TenantId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for TenantId {
    type Error = TenantIdError;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::parse(text)
    }
}

impl TryFrom<String> for TenantId {
    type Error = TenantIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        check(&text)?;
        Ok(Self(text.into()))
    }
}

impl From<TenantId> for String {
    fn from(tenant: TenantId) -> Self {
        tenant.as_str().to_owned()
    }
}

impl Serialize for TenantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .try_into()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_real_tenants_are_accepted() {
        for name in [
            "acme",
            "united-kingdom",
            "a",
            "7",
            "shop_2",
            "eu.west-1",
            "xn--bcher-kva",
        ] {
            assert_eq!(TenantId::parse(name).map(String::from), Ok(name.to_owned()));
        }
        let longest = "a".repeat(TenantId::MAX_LENGTH);
        assert!(TenantId::parse(&longest).is_ok());
    }

    #[test]
    fn what_could_mean_something_elsewhere_is_refused() {
        let refused = [
            "",
            " ",
            "Acme",
            "ACME",
            "a b",
            " acme",
            "acme ",
            "acme\n",
            "acme\0",
            "\u{1b}[31macme",
            "t:acme",
            "acme:invoice",
            "acme,globex",
            "acme;globex",
            "acme/../globex",
            "..",
            ".",
            ".acme",
            "acme.",
            "-rf",
            "_acme",
            "acme-",
            "a*",
            "a?",
            "{acme}",
            "a%2fb",
            "a\\b",
            "a|b",
            "a\"b",
            "a'b",
            "a@b",
            "a+b",
            "a=b",
            "a&b",
            "a#b",
            "~acme",
        ];
        for name in refused {
            assert!(TenantId::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn look_alikes_of_other_alphabets_are_refused() {
        // Cyrillic a, full-width a, dotless i, long s, soft hyphen, zero width space, combining
        // accent, Arabic digit, a ligature, the Kelvin sign that lower-cases to `k`.
        for name in [
            "\u{430}cme",
            "\u{ff41}cme",
            "acm\u{131}",
            "acme\u{17f}",
            "ac\u{ad}me",
            "ac\u{200b}me",
            "acme\u{301}",
            "acme\u{661}",
            "\u{fb01}rm",
            "\u{212a}iosk",
        ] {
            assert!(TenantId::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_error_names_the_fault_and_repeats_nothing_that_a_terminal_would_obey() {
        let message = |text: &str| TenantId::parse(text).map_err(|error| error.to_string());
        assert_eq!(
            message("acme\u{1b}[2J"),
            Err(r"a tenant id has the character `\u{1b}` at byte 4; it is made of a-z, 0-9, `-`, `_` and `.`".to_owned())
        );
        assert_eq!(
            message(&"x\n".repeat(5_000)),
            Err("a tenant id has 10000 bytes; it has at most 64".to_owned())
        );
        assert_eq!(
            message("."),
            Err("a tenant id begins or ends with `.`; it does with a letter or a digit".to_owned())
        );
    }

    #[test]
    fn serde_parses_and_writes_a_plain_string() {
        let acme: TenantId = serde_json::from_str("\"acme\"").unwrap();
        assert_eq!(serde_json::to_string(&acme).unwrap(), "\"acme\"");
        let error = serde_json::from_str::<TenantId>("\"Acme\"").unwrap_err();
        assert!(error.to_string().contains("the character `A`"), "{error}");
    }

    proptest! {
        #[test]
        fn exactly_the_alphabet_is_accepted(text in ".{0,70}") {
            let alphabet = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9');
            let bytes = text.as_bytes();
            let expected = (1..=64).contains(&bytes.len())
                && bytes.iter().all(|byte| alphabet(*byte) || b"-_.".contains(byte))
                && alphabet(bytes[0])
                && alphabet(bytes[bytes.len() - 1]);
            prop_assert_eq!(TenantId::parse(&text).is_ok(), expected);
        }

        #[test]
        fn what_is_accepted_is_kept_as_it_was(text in "[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?") {
            let tenant = TenantId::parse(&text).unwrap();
            prop_assert_eq!(tenant.as_str(), &text);
            prop_assert_eq!(text.parse::<TenantId>().unwrap(), tenant);
        }

        #[test]
        fn no_message_holds_a_character_outside_printable_ascii(text in "\\PC{0,80}|.{0,80}") {
            if let Err(error) = TenantId::parse(&text) {
                prop_assert!(error.to_string().bytes().all(|byte| (0x20..0x7f).contains(&byte)));
            }
        }
    }
}
