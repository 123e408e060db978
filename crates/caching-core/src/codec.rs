//! The seams between a value and the bytes that leave the process.

mod choice;
mod json;
#[cfg(feature = "message-pack")]
mod message_pack;

mod format;

mod checksum;
mod compression;
mod envelope;
mod packer;
mod validators;

use std::sync::Arc;

use crate::error::BoxError;
use crate::scope::ScopeId;

pub use self::choice::CodecChoice;
pub(crate) use self::choice::name_problem;
pub(crate) use self::format::Format;
pub use self::json::JsonCodec;
#[cfg(feature = "message-pack")]
pub use self::message_pack::MessagePackCodec;
pub(crate) use self::packer::{PackContext, Packer, Unpacked};
#[cfg(test)]
pub(crate) use self::packer::{PackError, UnpackError};

/// Writes values as bytes and reads them back.
///
/// It is chosen at run time, by profile, hence serde behind a `dyn`. The name becomes part of the
/// stored record, so that bytes of one codec are never read by another.
///
/// [`JsonCodec`] is the default. One of a program's own is given to
/// [`HybridCacheBuilder::codec`](crate::HybridCacheBuilder::codec) and chosen by
/// [`CodecChoice::Custom`]:
///
/// ```
/// use caching_core::{BoxError, Codec, CodecChoice, EntryOptions};
///
/// /// JSON for people: one field a line.
/// struct PrettyJson;
///
/// impl Codec for PrettyJson {
///     fn name(&self) -> &'static str {
///         "pretty_json"
///     }
///
///     fn encode(&self, value: &dyn erased_serde::Serialize, out: &mut Vec<u8>) -> Result<(), BoxError> {
///         let mut serializer = serde_json::Serializer::pretty(out);
///         erased_serde::serialize(value, &mut serializer).map_err(|_| "JSON has no such value")?;
///         Ok(())
///     }
///
///     fn decode(
///         &self,
///         bytes: &[u8],
///         read: &mut dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error>,
///     ) -> Result<(), BoxError> {
///         let mut deserializer = serde_json::Deserializer::from_slice(bytes);
///         read(&mut <dyn erased_serde::Deserializer<'_>>::erase(&mut deserializer))?;
///         Ok(deserializer.end()?)
///     }
/// }
///
/// let options = EntryOptions::new().codec(CodecChoice::Custom);
/// # let mut out = Vec::new();
/// # PrettyJson.encode(&[1], &mut out).unwrap();
/// # assert_eq!(out, b"[\n  1\n]");
/// ```
pub trait Codec: Send + Sync + 'static {
    /// A short name in `lower_snake`, such as `json`; at most 48 bytes, and none of the built-in ones.
    fn name(&self) -> &'static str;

    /// Appends the bytes of a value.
    ///
    /// # Errors
    ///
    /// When the value cannot be written in this format. The text is logged, so it must say nothing of
    /// the value itself.
    fn encode(
        &self,
        value: &dyn erased_serde::Serialize,
        out: &mut Vec<u8>,
    ) -> Result<(), BoxError>;

    /// Reads a value: hands a deserializer over `bytes` to `read`, once.
    ///
    /// # Errors
    ///
    /// When the bytes are not in this format, `read` refuses them, or bytes are left over. The text
    /// goes nowhere: what serde says of bytes that do not fit quotes them.
    fn decode(
        &self,
        bytes: &[u8],
        read: &mut dyn FnMut(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<(), erased_serde::Error>,
    ) -> Result<(), BoxError>;
}

/// What a [`PayloadTransform`] is told of the record whose bytes it changes.
///
/// Encryption binds all of it into the ciphertext, so that a record that was moved to another key,
/// tenant or version is refused.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PayloadContext<'a> {
    /// The key as it stands in L2, with prefix, scope and kind.
    pub physical_key: &'a [u8],
    /// The scope of the key.
    pub scope: ScopeId,
    /// The text of the scope.
    pub scope_text: &'a str,
    /// The version of the value's type.
    pub value_version: u32,
    /// The header of the envelope, which stays readable. It is the same, byte for byte, when the
    /// payload is opened.
    pub header: &'a [u8],
}

impl<'a> PayloadContext<'a> {
    /// The context of a record; for tests of a transform, since the cache makes its own.
    #[must_use]
    pub const fn new(
        physical_key: &'a [u8],
        scope: ScopeId,
        scope_text: &'a str,
        value_version: u32,
        header: &'a [u8],
    ) -> Self {
        Self {
            physical_key,
            scope,
            scope_text,
            value_version,
            header,
        }
    }
}

/// Changes the bytes of a payload on their way out of the process and back: encryption.
///
/// With a transform, everything goes through it, in both directions: "there is none" too, which is an
/// empty payload, and on the way back also what was stored when there was no transform, which it
/// refuses unless it was told to migrate.
pub trait PayloadTransform: Send + Sync + 'static {
    /// A short name for logs and the report, such as `aes-256-gcm`.
    fn name(&self) -> &'static str;

    /// From what the codec wrote to what is stored.
    ///
    /// # Errors
    ///
    /// When the payload cannot be protected; it is then not stored. The text is logged, so it must say
    /// nothing of the payload.
    fn seal(&self, cx: &PayloadContext<'_>, plain: &[u8]) -> Result<Vec<u8>, BoxError>;

    /// From what was stored to what the codec reads.
    ///
    /// # Errors
    ///
    /// When the bytes are not what [`seal`](Self::seal) made for this very record; the read is then
    /// a miss. The text is logged, so it must say nothing of the payload.
    fn open(&self, cx: &PayloadContext<'_>, stored: &[u8]) -> Result<Vec<u8>, BoxError>;
}

impl<T: PayloadTransform + ?Sized> PayloadTransform for Arc<T> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn seal(&self, cx: &PayloadContext<'_>, plain: &[u8]) -> Result<Vec<u8>, BoxError> {
        (**self).seal(cx, plain)
    }

    fn open(&self, cx: &PayloadContext<'_>, stored: &[u8]) -> Result<Vec<u8>, BoxError> {
        (**self).open(cx, stored)
    }
}
