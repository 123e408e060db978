//! Values as JSON.

use serde::Serialize;
use serde_json::Deserializer;
use serde_json::de::SliceRead;
use serde_json::error::Category;

use crate::codec::{Codec, CodecChoice};
use crate::error::BoxError;

/// Writes values as JSON: the default.
///
/// A finite float is read back to its last bit. What JSON has no form for is not: NaN and infinities
/// become null, `Some(None)` becomes `None`, and a map whose keys are neither text nor numbers is an
/// error. Nesting is read to a depth of 127.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonCodec;

impl Codec for JsonCodec {
    fn name(&self) -> &'static str {
        CodecChoice::Json.as_str()
    }

    fn encode(
        &self,
        value: &dyn erased_serde::Serialize,
        out: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        write(value, out)
    }

    fn decode(
        &self,
        bytes: &[u8],
        give: &mut dyn FnMut(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<(), erased_serde::Error>,
    ) -> Result<(), BoxError> {
        read(bytes, |deserializer| {
            give(&mut <dyn erased_serde::Deserializer<'_>>::erase(
                deserializer,
            ))
        })
    }
}

pub(crate) fn write<V: Serialize + ?Sized>(value: &V, out: &mut Vec<u8>) -> Result<(), BoxError> {
    serde_json::to_writer(out, value).map_err(|error| match error.classify() {
        // Said by the value's own `Serialize`, which may quote it.
        Category::Data => "its `Serialize` refused".into(),
        _ => error.into(),
    })
}

/// Reads all of the bytes.
pub(crate) fn read<'a, V, E: Into<BoxError>>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Deserializer<SliceRead<'a>>) -> Result<V, E>,
) -> Result<V, BoxError> {
    let mut deserializer = Deserializer::from_slice(bytes);
    let value = read(&mut deserializer).map_err(Into::into)?;
    deserializer.end()?;
    Ok(value)
}
