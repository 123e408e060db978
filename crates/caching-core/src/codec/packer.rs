//! From a value to the bytes of its record, and back.

mod error;

use std::fmt::Write;
use std::sync::Arc;

use bytesize::ByteSize;

use crate::codec::checksum::checksum;
use crate::codec::compression;
use crate::codec::envelope::{Envelope, Header, NotAnEnvelope};
use crate::codec::{Codec, CodecChoice, Format, PayloadContext, PayloadTransform, validators};
use crate::entry::{Content, Validators};
use crate::scope::ScopeId;
use crate::units::SizeLimit;
use crate::value::ValueType;

pub(crate) use self::error::{Corruption, PackError, UnpackError};

/// What header, encryption and a payload that does not compress may add to what a codec wrote.
const OVERHEAD: usize = 4096;

/// Writes values as records and reads them back: codec, then compression, then encryption.
///
/// Encryption comes last, since what is encrypted does not compress. So the length of a record tells how
/// well its value compressed: where one value holds a secret beside text that an attacker chooses and
/// whose records' lengths they see, they can guess at it (CRIME). `cache.compress_above = "off"` ends that.
pub(crate) struct Packer {
    custom: Option<Arc<dyn Codec>>,
    transform: Option<Arc<dyn PayloadTransform>>,
    payload_limit: usize,
    compress_above: Option<usize>,
    generation: u16,
}

/// The record that a value is packed for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackContext<'a> {
    /// The key as it stands in L2, with prefix, scope and kind.
    pub(crate) physical_key: &'a str,
    pub(crate) scope: ScopeId,
    pub(crate) scope_text: &'a str,
    /// Not a local one: those have no records.
    pub(crate) value_type: ValueType,
    pub(crate) codec: CodecChoice,
}

/// What a record holds.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) content: Content,
    pub(crate) validators: Option<Validators>,
}

impl Packer {
    pub(crate) fn new(
        custom: Option<Arc<dyn Codec>>,
        transform: Option<Arc<dyn PayloadTransform>>,
        payload_limit: ByteSize,
        compress_above: SizeLimit,
    ) -> Self {
        Self {
            custom,
            transform,
            // A limit past what this machine can address limits nothing.
            payload_limit: usize::try_from(payload_limit.as_u64()).unwrap_or(usize::MAX),
            compress_above: compress_above
                .size()
                .map(|size| usize::try_from(size.as_u64()).unwrap_or(usize::MAX)),
            generation: 0,
        }
    }

    /// The same packer, for the fields of a generation.
    pub(crate) fn of_generation(self, generation: u16) -> Self {
        Self { generation, ..self }
    }

    /// The field of a record that holds values of this type: codec and version, such as `json.1`, and
    /// from the generation after the first on that, such as `json.1.g2`.
    pub(crate) fn field(&self, value_type: ValueType, codec: CodecChoice) -> String {
        let name = self
            .format(codec)
            .map_or(codec.as_str(), |format| format.name());
        // Room for all of it at once: it is made for every read of the shared store.
        let mut field = String::with_capacity(name.len() + 1 + 10 + 5);
        // Writing to a string cannot fail.
        let _ = write!(field, "{name}.{}", value_type.version());
        if self.generation != 0 {
            let _ = write!(field, ".g{}", self.generation);
        }
        field
    }

    /// The bytes of a record.
    pub(crate) fn pack(
        &self,
        cx: &PackContext<'_>,
        content: &Content,
        validators: Option<&Validators>,
    ) -> Result<Vec<u8>, PackError> {
        let format = self.format(cx.codec).ok_or(PackError::NoCodec(cx.codec))?;
        let is_absent = matches!(content, Content::Absent);
        // "There is none" has no bytes at all.
        let validators = validators.filter(|_| !is_absent);
        let plain = self.encode(cx, format, content, validators)?;
        let block = self.compress(&plain);
        let body = block.as_deref().unwrap_or(&plain);

        let header = Header {
            codec: format.name(),
            is_absent,
            has_validators: validators.is_some(),
            plain_length: block.as_ref().and_then(|_| u32::try_from(plain.len()).ok()),
            is_sealed: self.transform.is_some(),
        };
        let mut record = header.write(body.len());
        if let Some(transform) = &self.transform {
            let sealed = transform
                .seal(&cx.payload(&record), body)
                .map_err(|source| PackError::Seal {
                    transform: transform.name(),
                    source,
                })?;
            record.extend_from_slice(&sealed);
        } else {
            let sum = checksum(
                cx.physical_key.as_bytes(),
                cx.value_type.version(),
                &record,
                body,
            );
            record.extend_from_slice(&sum.to_be_bytes());
            record.extend_from_slice(body);
        }
        Ok(record)
    }

    /// What a record holds.
    pub(crate) fn unpack(
        &self,
        cx: &PackContext<'_>,
        stored: &[u8],
    ) -> Result<Unpacked, UnpackError> {
        let format = self
            .format(cx.codec)
            .ok_or(UnpackError::NoCodec(cx.codec))?;
        // Before anything is done with it: whoever can write to the store chooses its length.
        self.check_length(stored.len(), OVERHEAD)?;
        let envelope = Envelope::parse(stored)?;
        let header = envelope.header;
        if header.codec != format.name() {
            return Err(Corruption::OtherCodec.into());
        }
        if !envelope.is_whole(cx.physical_key.as_bytes(), cx.value_type.version()) {
            return Err(Corruption::Checksum.into());
        }
        let opened = self.open(cx, &envelope)?;
        let body = opened.as_deref().unwrap_or(envelope.body);
        let decompressed = self.decompress(&header, body)?;
        let plain = decompressed.as_deref().unwrap_or(body);
        self.check_length(plain.len(), 0)?;
        let (validators, payload) = match header.has_validators {
            true => validators::read(plain).map(|(found, payload)| (Some(found), payload))?,
            false => (None, plain),
        };
        Ok(Unpacked {
            content: decode(cx, format, &header, payload)?,
            validators,
        })
    }

    fn format(&self, choice: CodecChoice) -> Option<Format<'_>> {
        match choice {
            CodecChoice::Json => Some(Format::Json),
            #[cfg(feature = "message-pack")]
            CodecChoice::MessagePack => Some(Format::MessagePack),
            #[cfg(not(feature = "message-pack"))]
            CodecChoice::MessagePack => None,
            CodecChoice::Custom => self.custom.as_deref().map(Format::Custom),
        }
    }

    fn encode(
        &self,
        cx: &PackContext<'_>,
        format: Format<'_>,
        content: &Content,
        validators: Option<&Validators>,
    ) -> Result<Vec<u8>, PackError> {
        let mut plain = Vec::new();
        if let Some(validators) = validators {
            validators::write(validators, &mut plain);
        }
        if let Content::Value(value) = content {
            cx.value_type
                .write(&**value, format, &mut plain)
                .map_err(|source| PackError::Codec {
                    codec: format.name(),
                    value_type: cx.value_type.name(),
                    source,
                })?;
        }
        if plain.len() > self.payload_limit {
            return Err(PackError::TooLarge {
                length: plain.len(),
                limit: self.payload_limit,
            });
        }
        Ok(plain)
    }

    fn compress(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let is_worth_it = self.compress_above.is_some_and(|above| plain.len() > above)
            // The header has four bytes for the length.
            && u32::try_from(plain.len()).is_ok();
        if !is_worth_it {
            return None;
        }
        compression::compressed(plain, Header::COMPRESSED_LENGTH)
    }

    /// What the transform makes of the body; nothing where there is none, and the body is the payload.
    fn open(
        &self,
        cx: &PackContext<'_>,
        envelope: &Envelope<'_>,
    ) -> Result<Option<Vec<u8>>, UnpackError> {
        match &self.transform {
            // Also what is not sealed: whether that may be read is the transform's to say.
            Some(transform) => transform
                .open(&cx.payload(envelope.header_bytes), envelope.body)
                .map(Some)
                .map_err(UnpackError::NotOpened),
            None if envelope.header.is_sealed => Err(UnpackError::NotOpened(
                "it is encrypted, and this cache has no encryption; give it the key".into(),
            )),
            None => Ok(None),
        }
    }

    fn decompress(&self, header: &Header<'_>, body: &[u8]) -> Result<Option<Vec<u8>>, UnpackError> {
        let Some(length) = header.plain_length else {
            return Ok(None);
        };
        if !compression::IS_BUILT {
            return Err(UnpackError::NoCompression);
        }
        let length = length as usize;
        // Before there is room for it.
        self.check_length(length, 0)?;
        compression::decompressed(body, length)
            .map(Some)
            .ok_or(Corruption::Compression.into())
    }

    fn check_length(&self, length: usize, overhead: usize) -> Result<(), UnpackError> {
        let limit = self.payload_limit.saturating_add(overhead);
        if length > limit {
            return Err(UnpackError::TooLarge { length, limit });
        }
        Ok(())
    }
}

impl<'a> PackContext<'a> {
    fn payload(&self, header: &'a [u8]) -> PayloadContext<'a> {
        PayloadContext::new(
            self.physical_key.as_bytes(),
            self.scope,
            self.scope_text,
            self.value_type.version(),
            header,
        )
    }
}

fn decode(
    cx: &PackContext<'_>,
    format: Format<'_>,
    header: &Header<'_>,
    plain: &[u8],
) -> Result<Content, UnpackError> {
    if header.is_absent {
        return match plain {
            [] => Ok(Content::Absent),
            _ => Err(Corruption::NotEmpty.into()),
        };
    }
    match cx.value_type.read(format, plain) {
        Ok(value) => Ok(Content::Value(value)),
        // What serde says of bytes that do not fit quotes them.
        Err(_) => Err(Corruption::Value {
            codec: format.name(),
            value_type: cx.value_type.name(),
        }
        .into()),
    }
}

impl From<NotAnEnvelope> for UnpackError {
    fn from(problem: NotAnEnvelope) -> Self {
        match problem {
            NotAnEnvelope::UnknownVersion(version) => Self::UnknownVersion(version),
            NotAnEnvelope::Corrupt(corruption) => Self::Corrupt(corruption),
        }
    }
}

#[cfg(test)]
mod tests;
