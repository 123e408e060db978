//! Thirty-two secret bytes.

use std::fmt;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::error::{SealError, SecretKeyError};
use crate::xaes::KEY;

/// So much text is looked at; a longer one is no key.
const LONGEST_TEXT: usize = 1024;

/// A key of 256 bits. `Debug` hides it, and its memory is wiped when it is dropped.
///
/// ```
/// use caching_encryption::{SecretKey, SecretKeyError};
///
/// let key = SecretKey::from_base64("q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k=")?;
/// assert_eq!(format!("{key:?}"), "SecretKey(***)");
/// # Ok::<(), SecretKeyError>(())
/// ```
#[derive(Clone)]
// In a box: moving the key moves a pointer, and leaves no copy behind.
pub struct SecretKey(Box<Zeroizing<[u8; KEY]>>);

impl SecretKey {
    /// A new key, from the operating system.
    ///
    /// # Errors
    ///
    /// [`SealError::NoRandomness`] where the system has none to give.
    pub fn generate() -> Result<Self, SealError> {
        let mut key = Box::new(Zeroizing::new([0; KEY]));
        getrandom::fill(&mut **key).map_err(|error| SealError::NoRandomness(error.into()))?;
        Ok(Self(key))
    }

    /// Reads a key as `openssl rand -base64 32` writes it: standard base64 with padding. Space around it
    /// is left out.
    ///
    /// # Errors
    ///
    /// [`SecretKeyError`] says what is wrong, in words that repeat nothing of the text.
    pub fn from_base64(text: &str) -> Result<Self, SecretKeyError> {
        let text = text.trim_ascii();
        if text.len() > LONGEST_TEXT {
            return Err(SecretKeyError::TooLong);
        }
        let mut buffer = Zeroizing::new([0; LONGEST_TEXT]);
        // The error of the decoder is left out: it could point at a character of the key.
        let bytes = Base64::decode(text, &mut *buffer).map_err(|_| SecretKeyError::NotBase64)?;
        Self::from_bytes(bytes)
    }

    /// Takes 32 bytes as a key.
    ///
    /// # Errors
    ///
    /// Another number of bytes, or nothing but zeroes, which is what a forgotten key looks like.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretKeyError> {
        if bytes.len() != KEY {
            return Err(SecretKeyError::WrongLength {
                length: bytes.len(),
            });
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return Err(SecretKeyError::AllZero);
        }
        let mut key = Box::new(Zeroizing::new([0; KEY]));
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    pub(crate) fn expose(&self) -> &[u8; KEY] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::SecretKey;
    use crate::error::SecretKeyError;

    #[test]
    fn a_key_is_read_with_the_line_break_that_files_end_with() {
        let text = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=";
        for text in [text.to_owned(), format!("{text}\n"), format!(" {text}\r\n")] {
            let key = SecretKey::from_base64(&text).unwrap();
            assert_eq!(key.expose()[..31], [0; 31]);
            assert_eq!(key.expose()[31], 1);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let cases = [
            ("", SecretKeyError::WrongLength { length: 0 }),
            ("AAAA", SecretKeyError::WrongLength { length: 3 }),
            // 64 hexadecimal digits are base64 of 48 bytes.
            (
                "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                SecretKeyError::WrongLength { length: 48 },
            ),
            ("not base64!", SecretKeyError::NotBase64),
            (
                "q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k",
                SecretKeyError::NotBase64,
            ),
            (
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                SecretKeyError::AllZero,
            ),
        ];
        for (text, expected) in cases {
            let error = SecretKey::from_base64(text).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
        let endless = "A".repeat(1_000_000);
        assert_eq!(
            SecretKey::from_base64(&endless).unwrap_err(),
            SecretKeyError::TooLong
        );
    }

    #[test]
    fn no_two_generated_keys_are_the_same() {
        let (one, two) = (
            SecretKey::generate().unwrap(),
            SecretKey::generate().unwrap(),
        );
        assert_ne!(one.expose(), two.expose());
    }
}
