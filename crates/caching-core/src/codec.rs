//! The seams between a value and the bytes that leave the process.

use crate::error::BoxError;
use crate::scope::ScopeId;

/// Writes values as bytes and reads them back.
///
/// It is chosen at run time, by profile, hence serde behind a `dyn`. The name becomes part of the
/// stored record, so that bytes of one codec are never read by another.
pub trait Codec: Send + Sync + 'static {
    /// A short name, such as `json`.
    fn name(&self) -> &'static str;

    /// Appends the bytes of a value.
    ///
    /// # Errors
    ///
    /// When the value cannot be written in this format.
    fn encode(
        &self,
        value: &dyn erased_serde::Serialize,
        out: &mut Vec<u8>,
    ) -> Result<(), BoxError>;

    /// Reads a value: hands a deserializer over `bytes` to `read`, once.
    ///
    /// # Errors
    ///
    /// When the bytes are not in this format, `read` refuses them, or bytes are left over.
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
    /// The header of the envelope, which stays readable.
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
pub trait PayloadTransform: Send + Sync + 'static {
    /// A short name for logs and the report, such as `aes-256-gcm`.
    fn name(&self) -> &'static str;

    /// From what the codec wrote to what is stored.
    ///
    /// # Errors
    ///
    /// When the payload cannot be protected; it is then not stored.
    fn seal(&self, cx: &PayloadContext<'_>, plain: &[u8]) -> Result<Vec<u8>, BoxError>;

    /// From what was stored to what the codec reads.
    ///
    /// # Errors
    ///
    /// When the bytes are not what [`seal`](Self::seal) made for this very record; the read is then
    /// a miss.
    fn open(&self, cx: &PayloadContext<'_>, stored: &[u8]) -> Result<Vec<u8>, BoxError>;
}
