//! Tags: names that entries share, so that one call invalidates them together.

use std::fmt::{self, Display};
use std::sync::Arc;

use crate::error::CacheError;
use crate::key::KeyText;

/// The longest tag, in bytes.
pub const MAX_TAG_LENGTH: usize = 256;

/// The most tags that one entry may carry.
pub const MAX_TAGS: usize = 64;

/// What tags may not begin with: the cache's own names for everything, a tenant and a kind.
const RESERVED: [&str; 3] = ["*", "t:", "k:"];

/// A name that entries share, such as `customer:7`.
///
/// A tag belongs to the scope of the key that carries it: `customer:7` of one tenant is not that of
/// another.
///
/// ```
/// use caching_core::Tag;
///
/// assert_eq!(Tag::of("customer", &7).as_str(), "customer:7");
/// // An id cannot reach beyond its place:
/// assert_eq!(Tag::of("customer", &"7:x").as_str(), "customer:7%3Ax");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// The tag `family:id`, with the id escaped as a part of a key is.
    #[must_use]
    pub fn of<T: Display + ?Sized>(family: &str, id: &T) -> Self {
        let mut text = KeyText::new();
        text.literal(family);
        text.literal(":");
        text.formatted(id);
        Self(String::from_utf8_lossy(text.as_bytes()).into())
    }

    /// The text of the tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the tag is one that a caller may use.
    pub(crate) fn check(&self) -> Result<(), CacheError> {
        let reason = if self.0.is_empty() {
            "it is empty"
        } else if self.0.len() > MAX_TAG_LENGTH {
            "it is longer than 256 bytes"
        } else if RESERVED.iter().any(|name| self.0.starts_with(name)) {
            "names that begin with `*`, `t:` and `k:` are the cache's own"
        } else {
            return Ok(());
        };
        Err(CacheError::InvalidTag {
            tag: crate::key::printable(self.0.as_bytes()),
            reason,
        })
    }
}

impl From<&str> for Tag {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Tag {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&Tag> for Tag {
    fn from(tag: &Tag) -> Self {
        tag.clone()
    }
}

impl From<&KeyText> for Tag {
    fn from(text: &KeyText) -> Self {
        Self(String::from_utf8_lossy(text.as_bytes()).into())
    }
}

impl Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({})", self.0)
    }
}

/// The tags of an entry, each once; more than [`MAX_TAGS`] are refused, and counted as they came.
#[derive(Clone, Debug, Default)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// No tags.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a tag, unless it is there.
    pub fn add(&mut self, tag: impl Into<Tag>) {
        let tag = tag.into();
        // More than an entry may carry are refused, whichever they are: to compare a million with each
        // other would take hours.
        if self.0.len() > MAX_TAGS || !self.0.contains(&tag) {
            self.0.push(tag);
        }
    }

    /// The tags, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    /// How many tags there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_slice(&self) -> &[Tag] {
        &self.0
    }

    pub(crate) fn check(&self) -> Result<(), CacheError> {
        if self.0.len() > MAX_TAGS {
            return Err(CacheError::TooManyTags {
                count: self.0.len(),
                limit: MAX_TAGS,
            });
        }
        self.0.iter().try_for_each(Tag::check)
    }

    /// The tags as an entry keeps them; none cost nothing.
    pub(crate) fn into_kept(self) -> Option<Arc<[Tag]>> {
        (!self.0.is_empty()).then(|| self.0.into())
    }
}

impl<T: Into<Tag>> Extend<T> for Tags {
    fn extend<I: IntoIterator<Item = T>>(&mut self, tags: I) {
        for tag in tags {
            self.add(tag);
        }
    }
}
