//! The text of a key: built on the stack, with every part escaped.

use std::fmt::{self, Display, Write};

/// How much of a key fits without an allocation; longer texts move to the heap.
const INLINE: usize = 120;

/// A buffer into which a key writes its text.
///
/// Literals are copied as they are. Parts are percent-encoded (RFC 3986, section 2.1) down to its
/// unreserved characters, so that a separator inside a part cannot be taken for one between parts,
/// and no two keys of a kind render alike.
///
/// ```
/// use caching_core::KeyText;
///
/// let mut text = KeyText::new();
/// text.part(&"a:b");
/// text.literal(":");
/// text.part(&7);
/// assert_eq!(text.as_bytes(), b"a%3Ab:7");
/// ```
pub struct KeyText {
    inline: [u8; INLINE],
    len: usize,
    /// In use once the text has outgrown `inline`; then it holds all of it.
    heap: Vec<u8>,
}

impl KeyText {
    /// An empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            inline: [0; INLINE],
            len: 0,
            heap: Vec::new(),
        }
    }

    /// Appends a literal of the template, as it is.
    #[inline]
    pub fn literal(&mut self, literal: &str) {
        self.push(literal.as_bytes());
    }

    /// Appends a part, escaped.
    #[inline]
    pub fn part<T: Display + ?Sized>(&mut self, part: &T) {
        // Escaped itself never fails; a `Display` that returns an error has written what it could,
        // and the rest of the key still tells it apart.
        let _ = write!(Escaped(self), "{part}");
    }

    /// The text so far.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        if self.heap.is_empty() {
            &self.inline[..self.len]
        } else {
            &self.heap
        }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        if !self.heap.is_empty() {
            self.heap.extend_from_slice(bytes);
        } else if let Some(free) = self.inline.get_mut(self.len..self.len + bytes.len()) {
            free.copy_from_slice(bytes);
            self.len += bytes.len();
        } else {
            self.heap.reserve(self.len + bytes.len());
            self.heap.extend_from_slice(&self.inline[..self.len]);
            self.heap.extend_from_slice(bytes);
        }
    }
}

impl Default for KeyText {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyText")
            .field(&String::from_utf8_lossy(self.as_bytes()))
            .finish()
    }
}

/// Percent-encodes what is written through it.
struct Escaped<'a>(&'a mut KeyText);

impl Write for Escaped<'_> {
    #[inline]
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let bytes = part.as_bytes();
        let mut clean = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if !is_unreserved(*byte) {
                self.0.push(&bytes[clean..at]);
                self.0.push(&escape(*byte));
                clean = at + 1;
            }
        }
        self.0.push(&bytes[clean..]);
        Ok(())
    }
}

/// Whether a byte stands for itself in a part (RFC 3986, section 2.3).
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// The percent-encoding of a byte, in upper-case digits as RFC 3986 asks.
pub(crate) const fn escape(byte: u8) -> [u8; 3] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [
        b'%',
        DIGITS[(byte >> 4) as usize],
        DIGITS[(byte & 15) as usize],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(parts: &[&str]) -> String {
        let mut text = KeyText::new();
        for (at, part) in parts.iter().enumerate() {
            if at > 0 {
                text.literal(":");
            }
            text.part(part);
        }
        String::from_utf8(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_separator_inside_a_part_is_not_one_between_parts() {
        assert_ne!(rendered(&["a:b", "c"]), rendered(&["a", "b:c"]));
        assert_ne!(rendered(&["a%3Ab"]), rendered(&["a:b"]));
        assert_ne!(rendered(&["", "a"]), rendered(&["a", ""]));
    }

    #[test]
    fn control_characters_and_other_scripts_are_escaped() {
        assert_eq!(rendered(&["a\r\n\0é"]), "a%0D%0A%00%C3%A9");
    }

    #[test]
    fn a_text_longer_than_the_buffer_keeps_every_byte() {
        let long = "x".repeat(INLINE - 1);
        assert_eq!(rendered(&[&long, "yz"]), format!("{long}:yz"));
        let longer = "x".repeat(5 * INLINE);
        assert_eq!(rendered(&[&longer, "y"]), format!("{longer}:y"));
    }
}
