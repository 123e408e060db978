//! A key as the index holds it, and as a look-up borrows it.

use std::borrow::Cow;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use equivalent::Equivalent;

use crate::key::same::same;
use crate::key::text::escape;
use crate::key::{KeyKind, KeyName};
use crate::scope::ScopeId;

/// A key for a look-up: everything is borrowed, and the hash is made once.
#[derive(Clone, Copy)]
pub(crate) struct KeyRef<'a> {
    pub(crate) hash: u64,
    pub(crate) scope: ScopeId,
    pub(crate) kind: KeyKind,
    pub(crate) text: &'a [u8],
}

impl KeyRef<'_> {
    pub(crate) fn to_stored(self) -> StoredKey {
        StoredKey {
            hash: self.hash,
            scope: self.scope,
            seat: 0,
            kind: self.kind.name(),
            text: Text::new(self.text),
        }
    }
}

impl Hash for KeyRef<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<StoredKey> for KeyRef<'_> {
    #[inline]
    fn equivalent(&self, stored: &StoredKey) -> bool {
        // The hash first: it differs for almost every other key, and costs one comparison.
        self.hash == stored.hash
            && self.scope == stored.scope
            && same(self.text, stored.text.as_bytes())
            && same(self.kind.name().as_bytes(), stored.kind.as_bytes())
    }
}

/// A key that lives as long as its entry.
#[derive(Clone)]
pub(crate) struct StoredKey {
    hash: u64,
    scope: ScopeId,
    /// The number of the seat that its entry has in L1; no part of the key. It stands here because here is
    /// room for it.
    seat: u32,
    /// The name alone: the rest of a kind follows from it.
    kind: &'static str,
    text: Text,
}

/// How long a text may be to stand in the key itself, where a look-up finds it without a detour.
const INLINE: usize = 22;

/// The text of a stored key: in place, or shared by its copies.
#[derive(Clone)]
enum Text {
    Inline { length: u8, bytes: [u8; INLINE] },
    Shared(Arc<[u8]>),
}

impl Text {
    fn new(text: &[u8]) -> Self {
        let mut bytes = [0; INLINE];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(text);
                Self::Inline { length, bytes }
            }
            _ => Self::Shared(text.into()),
        }
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            // The length is that of a slice of `bytes`; `unwrap_or` only spares a panic branch.
            Self::Inline { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Self::Shared(text) => text,
        }
    }
}

impl StoredKey {
    #[inline]
    pub(crate) fn as_ref(&self) -> KeyRef<'_> {
        KeyRef {
            hash: self.hash,
            scope: self.scope,
            kind: self.kind(),
            text: self.text.as_bytes(),
        }
    }

    /// The same key, in this seat of L1.
    pub(crate) fn seated(&self, seat: u32) -> Self {
        Self {
            seat,
            ..self.clone()
        }
    }

    /// The seat that it was given.
    pub(crate) const fn seat(&self) -> u32 {
        self.seat
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) const fn scope(&self) -> ScopeId {
        self.scope
    }

    pub(crate) const fn kind(&self) -> KeyKind {
        KeyKind::known(self.kind)
    }

    /// Whether it is a key without a kind of its own.
    pub(crate) fn is_plain(&self) -> bool {
        self.kind == KeyKind::PLAIN.name()
    }

    /// The key as processes name it to each other.
    pub(crate) fn name(&self, scope: &str) -> KeyName {
        KeyName::new(scope, self.kind, &self.physical_text())
    }

    /// The text as it stands outside the process: printable, and another one for each key.
    pub(crate) fn physical_text(&self) -> Cow<'_, str> {
        let text = self.text.as_bytes();
        // Nobody escaped a plain key, so that a `%` in it has to be told from one that is written here.
        let is_plain = self.is_plain();
        let is_clean = |byte: u8| byte.is_ascii_graphic() && !(is_plain && byte == b'%');
        match std::str::from_utf8(text) {
            Ok(clean) if text.iter().copied().all(is_clean) => Cow::Borrowed(clean),
            _ => Cow::Owned(escaped(text, is_clean)),
        }
    }

    /// The text in a form that is safe to print: control and non-ASCII bytes are escaped.
    pub(crate) fn printable(&self) -> String {
        printable(self.text.as_bytes())
    }
}

impl PartialEq for StoredKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref().equivalent(other)
    }
}

impl Eq for StoredKey {}

impl Hash for StoredKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.printable())
    }
}

/// The bytes of a text that [`StoredKey::physical_text`] wrote for a key of this kind.
pub(crate) fn text_of(kind: KeyKind, physical: &str) -> Vec<u8> {
    if kind != KeyKind::PLAIN {
        // `KeyText` writes nothing but visible ASCII, which stands there as it is.
        return physical.as_bytes().to_vec();
    }
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = physical.as_bytes();
    let mut text = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (*byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                // Two hexadecimal digits are below 256.
                text.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                text.push(byte);
                at += 1;
            }
        }
    }
    text
}

/// A key's text with everything escaped that a log or a terminal would not show as it is.
pub(crate) fn printable(text: &[u8]) -> String {
    escaped(text, |byte| byte.is_ascii_graphic())
}

fn escaped(text: &[u8], is_clean: impl Fn(u8) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for byte in text {
        if is_clean(*byte) {
            shown.push(char::from(*byte));
        } else {
            shown.extend(escape(*byte).map(char::from));
        }
    }
    shown
}

/// Makes the hashes of keys, with a seed of its own for each cache.
#[derive(Clone)]
pub(crate) struct KeyHasher(foldhash::quality::RandomState);

impl KeyHasher {
    pub(crate) fn new() -> Self {
        Self(foldhash::quality::RandomState::default())
    }

    #[inline]
    pub(crate) fn key<'a>(&self, scope: ScopeId, kind: KeyKind, text: &'a [u8]) -> KeyRef<'a> {
        let mut hasher = self.0.build_hasher();
        hasher.write_u64(kind.fingerprint() ^ u64::from(scope.as_u32()).rotate_left(32));
        hasher.write(text);
        KeyRef {
            hash: hasher.finish(),
            scope,
            kind,
            text,
        }
    }
}

/// Hands a hash that was made before to the maps, which would otherwise hash it once more.
#[derive(Clone, Copy, Default)]
pub(crate) struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.is_empty(), "a stored key hashes as one number");
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Builds [`Prehashed`].
pub(crate) type BuildPrehashed = std::hash::BuildHasherDefault<Prehashed>;
