//! A sealed payload as it is stored.

use crate::error::OpenError;
use crate::keys::Fingerprint;
use crate::xaes::{NONCE, TAG};

/// What every record of this crate begins with. `C1` begins no JSON and no UTF-8, and MessagePack never
/// uses it, so that a value of before encryption is not taken for a record.
const MAGIC: [u8; 3] = [0xC1, b'X', b'G'];
/// The format that is written.
const FORMAT: u8 = 1;

/// Bytes of [`preface`].
const PREFACE: usize = MAGIC.len() + 1 + Fingerprint::LENGTH;
/// Bytes that a record has more than its payload.
pub(crate) const OVERHEAD: usize = PREFACE + NONCE + TAG;

/// What stands before the nonce: the format, and which key.
pub(crate) fn preface(key: Fingerprint) -> [u8; PREFACE] {
    let mut bytes = [0; PREFACE];
    let (magic, rest) = bytes.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    rest[0] = FORMAT;
    rest[1..].copy_from_slice(&key.0);
    bytes
}

/// A record, taken apart. Nothing of it has been authenticated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed<'a> {
    pub(crate) key: Fingerprint,
    pub(crate) nonce: &'a [u8; NONCE],
    pub(crate) ciphertext: &'a [u8],
    pub(crate) tag: &'a [u8; TAG],
}

impl<'a> Sealed<'a> {
    pub(crate) fn parse(stored: &'a [u8]) -> Result<Self, OpenError> {
        let Some(rest) = stored.strip_prefix(&MAGIC) else {
            return Err(OpenError::NotSealed);
        };
        match rest.first() {
            Some(&FORMAT) => {}
            Some(&format) => return Err(OpenError::UnknownFormat(format)),
            None => return Err(OpenError::Truncated),
        }
        Self::parts(&rest[1..]).ok_or(OpenError::Truncated)
    }

    fn parts(rest: &'a [u8]) -> Option<Self> {
        let (key, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let (ciphertext, tag) = rest.split_last_chunk()?;
        Some(Self {
            key: Fingerprint(*key),
            nonce,
            ciphertext,
            tag,
        })
    }
}
