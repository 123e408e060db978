//! What a server held at one moment.

use std::fmt;
use std::fs;
use std::sync::Arc;

use crate::redis::error::RedisServerError;
use crate::redis::launch::Data;

/// The data of a server as it writes them to disk (an RDB file), to start it or another one with.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSnapshot {
    rdb: Arc<[u8]>,
}

impl RedisSnapshot {
    /// A snapshot from the bytes of an RDB file, be they right or not.
    #[must_use]
    pub fn from_rdb(bytes: &[u8]) -> Self {
        Self { rdb: bytes.into() }
    }

    /// The bytes of the RDB file.
    #[must_use]
    pub fn as_rdb(&self) -> &[u8] {
        &self.rdb
    }

    pub(super) fn read(data: &Data) -> Result<Self, RedisServerError> {
        Ok(Self::from_rdb(&fs::read(data.rdb())?))
    }
}

impl fmt::Debug for RedisSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSnapshot")
            .field("size", &self.rdb.len())
            .finish()
    }
}
