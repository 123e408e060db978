//! A codec that is there: a built-in one, or the program's own.

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "message-pack")]
use crate::codec::message_pack;
use crate::codec::{Codec, CodecChoice, json};
use crate::error::BoxError;

/// A codec that is there.
///
/// The built-in ones are compiled for each type of value: through the `dyn` of [`Codec`], reading an
/// invoice of twenty lines took 2.4 times as long.
#[derive(Clone, Copy)]
pub(crate) enum Format<'a> {
    Json,
    #[cfg(feature = "message-pack")]
    MessagePack,
    Custom(&'a dyn Codec),
}

impl Format<'_> {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Json => CodecChoice::Json.as_str(),
            #[cfg(feature = "message-pack")]
            Self::MessagePack => CodecChoice::MessagePack.as_str(),
            Self::Custom(codec) => codec.name(),
        }
    }

    pub(crate) fn write<V: Serialize>(self, value: &V, out: &mut Vec<u8>) -> Result<(), BoxError> {
        match self {
            Self::Json => json::write(value, out),
            #[cfg(feature = "message-pack")]
            Self::MessagePack => message_pack::write(value, out),
            Self::Custom(codec) => codec.encode(value, out),
        }
    }

    pub(crate) fn read<V: DeserializeOwned>(self, bytes: &[u8]) -> Result<V, BoxError> {
        match self {
            Self::Json => json::read(bytes, |deserializer| V::deserialize(deserializer)),
            #[cfg(feature = "message-pack")]
            Self::MessagePack => {
                message_pack::read(bytes, |deserializer| V::deserialize(deserializer))
            }
            Self::Custom(codec) => read_by(codec, bytes),
        }
    }
}

fn read_by<V: DeserializeOwned>(codec: &dyn Codec, bytes: &[u8]) -> Result<V, BoxError> {
    let mut value = None;
    codec.decode(bytes, &mut |deserializer| {
        value = Some(erased_serde::deserialize::<V>(deserializer)?);
        Ok(())
    })?;
    value.ok_or_else(|| {
        format!(
            "the codec {} did not read the value it was given",
            codec.name()
        )
        .into()
    })
}
