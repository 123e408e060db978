//! What is known of a value's type: how it is told apart, written and read.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{Codec, Format};
use crate::error::BoxError;

/// A value that can leave the process: everything that serde can write and read.
///
/// There is nothing to implement. Values that have no serde are cached under a key that is `local`.
///
/// ```compile_fail,E0277
/// struct Connection; // neither `Serialize` nor `Deserialize`
///
/// #[derive(caching_core::CacheKey)]
/// #[cache_key(kind = "connection", value = Connection)]
/// struct ConnectionKey;
/// ```
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` cannot leave the process",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it",
    note = "or mark its key `local`: `#[cache_key(…, local)]`"
)]
pub trait CacheValue: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<V: Serialize + DeserializeOwned + Send + Sync + 'static> CacheValue for V {}

/// A value behind the one pointer that callers of a hit share.
pub(crate) type AnyValue = Arc<dyn Any + Send + Sync>;

/// The type of a value: its identity, its version, and how it is written and read.
///
/// A derived key carries one; nobody needs to make it by hand.
#[derive(Clone, Copy)]
pub struct ValueType {
    id: fn() -> TypeId,
    name: fn() -> &'static str,
    version: u32,
    serde: Option<SerdeFns>,
}

type Encode = fn(&dyn Any, Format<'_>, &mut Vec<u8>) -> Result<(), BoxError>;
type Decode = fn(Format<'_>, &[u8]) -> Result<AnyValue, BoxError>;

#[derive(Clone, Copy)]
struct SerdeFns {
    encode: Encode,
    decode: Decode,
}

impl ValueType {
    /// A type that serde can write and read, in its first version.
    #[must_use]
    pub const fn of<V: CacheValue>() -> Self {
        Self {
            id: TypeId::of::<V>,
            name: type_name::<V>,
            version: 1,
            serde: Some(SerdeFns {
                encode: encode::<V>,
                decode: decode::<V>,
            }),
        }
    }

    /// A type without serde: its values stay in the process.
    #[must_use]
    pub const fn local<V: Send + Sync + 'static>() -> Self {
        Self {
            id: TypeId::of::<V>,
            name: type_name::<V>,
            version: 1,
            serde: None,
        }
    }

    /// The same type in another version, whose bytes no other version reads.
    #[must_use]
    pub const fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// The name of the Rust type, for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        (self.name)()
    }

    /// Whether a value is of this type.
    pub(crate) fn is_of(&self, value: &AnyValue) -> bool {
        (**value).type_id() == (self.id)()
    }

    pub(crate) fn name_fn(&self) -> fn() -> &'static str {
        self.name
    }

    /// The version of the type, `1` unless the key says otherwise.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// A number that the name of the type has, folded from its FNV-1a hash.
    pub(crate) fn fingerprint(&self) -> u32 {
        let hash = crate::key::fingerprint(self.name());
        // The halves, one over the other.
        (hash ^ (hash >> 32)) as u32
    }

    /// Whether values of this type never leave the process.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.serde.is_none()
    }

    /// Writes a value of this type with a codec.
    ///
    /// # Errors
    ///
    /// When the type is local, the value is of another type, or the codec refuses it.
    pub fn encode(
        &self,
        value: &dyn Any,
        codec: &dyn Codec,
        out: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        self.write(value, Format::Custom(codec), out)
    }

    /// Reads a value of this type with a codec.
    ///
    /// # Errors
    ///
    /// When the type is local, or the bytes are not such a value.
    pub fn decode(
        &self,
        codec: &dyn Codec,
        bytes: &[u8],
    ) -> Result<Arc<dyn Any + Send + Sync>, BoxError> {
        self.read(Format::Custom(codec), bytes)
    }

    pub(crate) fn write(
        &self,
        value: &dyn Any,
        format: Format<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        let serde = self.serde.ok_or_else(|| self.is_local_error())?;
        // A bug in a type's own code costs its record, and nobody a value.
        catch_unwind(AssertUnwindSafe(|| (serde.encode)(value, format, out)))
            .unwrap_or_else(|_| Err("its `Serialize` panicked".into()))
    }

    pub(crate) fn read(&self, format: Format<'_>, bytes: &[u8]) -> Result<AnyValue, BoxError> {
        let serde = self.serde.ok_or_else(|| self.is_local_error())?;
        catch_unwind(AssertUnwindSafe(|| (serde.decode)(format, bytes)))
            .unwrap_or_else(|_| Err("its `Deserialize` panicked".into()))
    }

    fn is_local_error(&self) -> BoxError {
        format!(
            "values of type {} are local and never leave the process; remove `local` from their key",
            self.name()
        )
        .into()
    }
}

impl PartialEq for ValueType {
    fn eq(&self, other: &Self) -> bool {
        (self.id)() == (other.id)() && self.version == other.version
    }
}

impl Eq for ValueType {}

impl fmt::Debug for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}", self.name(), self.version)
    }
}

fn encode<V: CacheValue>(
    value: &dyn Any,
    format: Format<'_>,
    out: &mut Vec<u8>,
) -> Result<(), BoxError> {
    let value = value
        .downcast_ref::<V>()
        .ok_or_else(|| format!("the value is not of type {}", type_name::<V>()))?;
    format.write(value, out)
}

fn decode<V: CacheValue>(format: Format<'_>, bytes: &[u8]) -> Result<AnyValue, BoxError> {
    Ok(Arc::new(format.read::<V>(bytes)?))
}
