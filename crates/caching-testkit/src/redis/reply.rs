//! What a server answers to a command.

/// An answer, as RESP2 tells them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisReply {
    /// There is nothing.
    Nil,
    /// A whole number.
    Integer(i64),
    /// A status, such as `OK`.
    Status(String),
    /// A string of any bytes.
    Bytes(Vec<u8>),
    /// Several answers.
    Array(Vec<RedisReply>),
    /// An error within an array, such as of one command of a transaction. One that is the whole answer is
    /// [`RedisServerError::Refused`](crate::RedisServerError::Refused).
    Error(String),
}

impl RedisReply {
    /// A status, or bytes that are UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Status(status) => Some(status),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The bytes of a string.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A whole number.
    #[must_use]
    pub const fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// The answers in an array; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }
}
