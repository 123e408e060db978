//! Why a value has no record, or a record no value. Neither says anything of the value.

use crate::codec::CodecChoice;
use crate::error::BoxError;

/// Why a value could not be packed. It is then not stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackError {
    /// Longer than what may leave the process.
    #[error(
        "the payload has {length} bytes, over the limit of {limit}; \
         cache less under one key, or raise `cache.payload_limit`"
    )]
    TooLarge { length: usize, limit: usize },

    /// The codec refused.
    #[error("the codec `{codec}` cannot write a value of type {value_type}: {source}")]
    Codec {
        codec: &'static str,
        value_type: &'static str,
        source: BoxError,
    },

    /// The call chose a codec that this cache has not.
    #[error("{}", no_codec(*.0))]
    NoCodec(CodecChoice),

    /// The transform refused.
    #[error("`{transform}` cannot seal the payload: {source}")]
    Seal {
        transform: &'static str,
        source: BoxError,
    },
}

impl PackError {
    /// A word for metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::Codec { .. } => "not_written",
            Self::NoCodec(_) => "no_codec",
            Self::Seal { .. } => "not_sealed",
        }
    }
}

/// Why a record could not be unpacked. The read is then a miss.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnpackError {
    /// Longer than what may leave the process, as stored or as it says it will be.
    #[error(
        "the payload has {length} bytes, over the limit of {limit}; `cache.payload_limit` sets it"
    )]
    TooLarge { length: usize, limit: usize },

    /// Written by a later version of this crate, or by an earlier one whose format is no longer read.
    #[error("the payload has an envelope of version {0}, which this program does not read")]
    UnknownVersion(u8),

    /// The transform refused, or it is sealed and there is none.
    #[error("the payload was not opened: {0}")]
    NotOpened(#[source] BoxError),

    /// It is compressed, and this program cannot read that.
    #[error(
        "the payload is compressed, and this program is built without the feature `compression` \
         of caching-core"
    )]
    NoCompression,

    /// The call chose a codec that this cache has not.
    #[error("{}", no_codec(*.0))]
    NoCodec(CodecChoice),

    /// Foreign, damaged, or not of this type.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
}

impl UnpackError {
    /// A word for metrics.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::UnknownVersion(_) => "unknown_version",
            Self::NotOpened(_) => "not_opened",
            Self::NoCompression => "no_compression",
            Self::NoCodec(_) => "no_codec",
            Self::Corrupt(_) => "corrupt",
        }
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Corruption {
    #[error("it is no payload of this cache: something else wrote it")]
    NotAnEnvelope,
    #[error("the payload is cut off")]
    Truncated,
    #[error("the payload has flags that this program does not know: {0:#04x}")]
    UnknownFlags(u8),
    #[error("the payload is of another codec than its field")]
    OtherCodec,
    #[error("the payload is damaged, or was moved from another key: its checksum is wrong")]
    Checksum,
    #[error("the payload says that there is none, and holds something")]
    NotEmpty,
    #[error("the compressed payload is damaged")]
    Compression,
    #[error("the validators before the payload are damaged")]
    Validators,
    #[error(
        "the codec `{codec}` reads no {value_type} from the payload; \
         a type that changed needs another `version` in its key"
    )]
    Value {
        codec: &'static str,
        value_type: &'static str,
    },
}

fn no_codec(choice: CodecChoice) -> &'static str {
    match choice {
        CodecChoice::MessagePack => {
            "the codec `message_pack` needs the feature `message-pack` of caching-core"
        }
        _ => "there is no custom codec; give one to `HybridCacheBuilder::codec`",
    }
}
