//! The text of a key: built on the stack, with every part escaped.

use std::any::Any;
use std::fmt::{self, Display, Write};

/// How much of a key fits without an allocation; longer texts move to the heap.
const INLINE: usize = 128;

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
    length: usize,
    /// The text, as long as it fits. To clear it beforehand costs eight instructions, and makes what is written
    /// into it a copy to a known place.
    short: [u8; INLINE],
    /// The text, where it does not.
    long: Vec<u8>,
}

impl KeyText {
    /// An empty text.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self {
            length: 0,
            short: [0; INLINE],
            long: Vec::new(),
        }
    }

    /// Appends a literal of the template, as it is; what is not visible ASCII is escaped.
    #[inline]
    pub fn literal(&mut self, literal: &str) {
        if literal.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.push(literal.as_bytes());
        } else {
            self.escaped(literal.as_bytes());
        }
    }

    /// Appends a part, escaped.
    #[inline]
    pub fn part<T: Display + 'static>(&mut self, part: &T) {
        // The compiler knows the type here, so that one of these is all that remains of them.
        // Numbers and strings need no formatter, which would cost several times the look-up.
        let any: &dyn Any = part;
        if let Some(number) = unsigned(any) {
            self.number(number);
        } else if let Some(text) = any.downcast_ref::<String>() {
            self.escaped(text.as_bytes());
        } else if let Some(text) = any.downcast_ref::<&'static str>() {
            self.escaped(text.as_bytes());
        } else {
            self.formatted(part);
        }
    }

    /// Appends a part of any type, escaped: borrowed text, say, in a key that is written by hand.
    ///
    /// Keys are as distinct as what `Display` writes.
    pub fn formatted<T: Display + ?Sized>(&mut self, part: &T) {
        // Escaped itself never fails; a `Display` that returns an error has written what it could.
        let _ = write!(Escaped(self), "{part}");
    }

    /// The text so far.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        // Longer than the short one can be, it is the long one.
        self.short.get(..self.length).unwrap_or(&self.long)
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        self.grow(bytes.len()).copy_from_slice(bytes);
    }

    /// Appends a number in decimal digits.
    #[inline]
    fn number(&mut self, mut number: u64) {
        let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
        for place in self.grow(digits).iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }

    /// Makes the text longer by so many bytes, and gives them to be written.
    #[inline]
    fn grow(&mut self, by: usize) -> &mut [u8] {
        let begin = self.length;
        self.length += by;
        if self.length > INLINE {
            return self.grow_long(begin);
        }
        &mut self.short[begin..self.length]
    }

    #[cold]
    fn grow_long(&mut self, begin: usize) -> &mut [u8] {
        if begin <= INLINE {
            self.long.extend_from_slice(&self.short[..begin]);
        }
        self.long.resize(self.length, 0);
        &mut self.long[begin..]
    }

    #[inline]
    fn escaped(&mut self, bytes: &[u8]) {
        let mut clean = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if !is_unreserved(*byte) {
                self.push(&bytes[clean..at]);
                self.push(&escape(*byte));
                clean = at + 1;
            }
        }
        self.push(&bytes[clean..]);
    }
}

/// The number, if it is of an unsigned type.
#[inline]
fn unsigned(any: &dyn Any) -> Option<u64> {
    if let Some(number) = any.downcast_ref::<u64>() {
        Some(*number)
    } else if let Some(number) = any.downcast_ref::<u32>() {
        Some(u64::from(*number))
    } else if let Some(number) = any.downcast_ref::<usize>() {
        u64::try_from(*number).ok()
    } else if let Some(number) = any.downcast_ref::<u16>() {
        Some(u64::from(*number))
    } else {
        any.downcast_ref::<u8>().map(|number| u64::from(*number))
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
        self.0.escaped(part.as_bytes());
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
        let parts = parts.iter().map(|part| (*part).to_owned());
        let mut text = KeyText::new();
        for (at, part) in parts.enumerate() {
            if at > 0 {
                text.literal(":");
            }
            text.part(&part);
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
    fn a_part_that_is_written_without_a_formatter_is_written_alike() {
        fn both<T: Display + 'static>(part: &T) {
            let (mut quick, mut formatted) = (KeyText::new(), KeyText::new());
            quick.part(part);
            formatted.formatted(part);
            assert_eq!(quick.as_bytes(), formatted.as_bytes(), "{part}");
        }
        both(&0_u8);
        both(&u16::MAX);
        both(&u32::MAX);
        both(&10_u64);
        both(&u64::MAX);
        both(&usize::MAX);
        both(&i64::MIN);
        both(&'/');
        both(&"a/b");
        both(&String::from("a\nb%"));
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
