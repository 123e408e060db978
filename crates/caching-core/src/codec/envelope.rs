//! The header that stands before a payload: what it is, and how to read it.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | `F7`: an envelope of this crate. No UTF-8 holds this byte |
//! | 1 | `01`: the version of this format |
//! | 1 | flags: `01` there is none, `02` compressed, `04` sealed by a [`PayloadTransform`](super::PayloadTransform), `08` validators stand before the payload |
//! | 1 | how long the name of the codec is |
//! | so many | the name of the codec, in ASCII |
//! | 4, if compressed | how long the payload is when it is not |
//! | 4, unless sealed | the checksum, of `codec/checksum.rs` |
//! | the rest | the body: validators, if there are any, and the payload; compressed and then sealed as the flags say |
//!
//! Numbers are big-endian. All that stands before the body is the header that a transform binds.

use crate::codec::checksum::checksum;
use crate::codec::packer::Corruption;

const MAGIC: u8 = 0xF7;
/// The format that is written, and the only one that is read.
const VERSION: u8 = 1;

const ABSENT: u8 = 0b0001;
const COMPRESSED: u8 = 0b0010;
const SEALED: u8 = 0b0100;
const VALIDATED: u8 = 0b1000;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    /// The name of the codec.
    pub(crate) codec: &'a str,
    /// Whether it says "there is none"; the payload is then empty.
    pub(crate) is_absent: bool,
    /// Whether validators stand before the payload, in the body.
    pub(crate) has_validators: bool,
    /// The length of the payload before it was compressed, if it was.
    pub(crate) plain_length: Option<u32>,
    /// Whether a transform guards the body; otherwise a checksum does.
    pub(crate) is_sealed: bool,
}

/// An envelope, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'a> {
    pub(crate) header: Header<'a>,
    /// The header as it is stored.
    pub(crate) header_bytes: &'a [u8],
    pub(crate) body: &'a [u8],
    checksum: Option<u32>,
}

/// Why bytes are no envelope that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAnEnvelope {
    UnknownVersion(u8),
    Corrupt(Corruption),
}

impl From<Corruption> for NotAnEnvelope {
    fn from(corruption: Corruption) -> Self {
        Self::Corrupt(corruption)
    }
}

impl<'a> Header<'a> {
    /// Bytes that a compressed payload's header is longer by.
    pub(crate) const COMPRESSED_LENGTH: usize = size_of::<u32>();

    /// The header, as far as the checksum, which is to follow unless the body is sealed.
    pub(crate) fn write(&self, body: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 + self.codec.len() + 8 + body);
        let mut flags = 0;
        if self.is_absent {
            flags |= ABSENT;
        }
        if self.has_validators {
            flags |= VALIDATED;
        }
        if self.plain_length.is_some() {
            flags |= COMPRESSED;
        }
        if self.is_sealed {
            flags |= SEALED;
        }
        // A name is 48 bytes at most, which the builder of the cache has checked; `read` refuses one
        // that was cut off.
        let name_length = u8::try_from(self.codec.len()).unwrap_or(u8::MAX);
        bytes.extend_from_slice(&[MAGIC, VERSION, flags, name_length]);
        bytes.extend_from_slice(&self.codec.as_bytes()[..usize::from(name_length)]);
        if let Some(length) = self.plain_length {
            bytes.extend_from_slice(&length.to_be_bytes());
        }
        bytes
    }
}

impl<'a> Envelope<'a> {
    /// Takes stored bytes apart. Nothing has been checked but that they have the form.
    pub(crate) fn parse(stored: &'a [u8]) -> Result<Self, NotAnEnvelope> {
        let [MAGIC, version, rest @ ..] = stored else {
            return Err(Corruption::NotAnEnvelope.into());
        };
        if *version != VERSION {
            return Err(NotAnEnvelope::UnknownVersion(*version));
        }
        let mut rest = Rest(rest);
        let [flags, name_length] = rest.take_array()?;
        if flags & !(ABSENT | COMPRESSED | SEALED | VALIDATED) != 0
            || flags & ABSENT != 0 && flags & (COMPRESSED | VALIDATED) != 0
        {
            return Err(Corruption::UnknownFlags(flags).into());
        }
        let codec = str::from_utf8(rest.take(usize::from(name_length))?)
            .map_err(|_| Corruption::OtherCodec)?;
        let plain_length = (flags & COMPRESSED != 0)
            .then(|| rest.take_array().map(u32::from_be_bytes))
            .transpose()?;
        let is_sealed = flags & SEALED != 0;
        let checksum = (!is_sealed)
            .then(|| rest.take_array().map(u32::from_be_bytes))
            .transpose()?;
        let body = rest.0;
        Ok(Self {
            header: Header {
                codec,
                is_absent: flags & ABSENT != 0,
                has_validators: flags & VALIDATED != 0,
                plain_length,
                is_sealed,
            },
            header_bytes: &stored[..stored.len() - body.len()],
            body,
            checksum,
        })
    }

    /// Whether this is what was written under that key, or guarded by something better.
    pub(crate) fn is_whole(&self, physical_key: &[u8], value_version: u32) -> bool {
        self.checksum.is_none_or(|expected| {
            let before = &self.header_bytes[..self.header_bytes.len() - size_of::<u32>()];
            checksum(physical_key, value_version, before, self.body) == expected
        })
    }
}

/// Bytes that have not been read yet.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Corruption> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(Corruption::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], Corruption> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Corruption::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }
}
