//! A record of the cache as it stands in Redis, for tests that look at its bytes or alter them.

use crate::redis::{RedisServer, RedisServerError};

/// A record as it stands in Redis: what the cache keeps under a key, in each codec and version of its
/// value's type. The page *Wire format* in the repository describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisRecord {
    /// Whether the key was expired after all of this was stored.
    pub is_expired: bool,
    /// What stands in it, side by side.
    pub segments: Vec<RedisSegment>,
}

/// What stands in one field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSegment {
    /// Codec and version, such as `json.1`.
    pub field: String,
    /// What belongs to the value: epoch, times, tags.
    pub meta: Vec<u8>,
    /// The value, as it left the process.
    pub payload: Vec<u8>,
}

impl RedisRecord {
    /// Reads a record; nothing where the bytes are none.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (mark, mut rest) = bytes.split_first()?;
        let mut segments = Vec::new();
        while !rest.is_empty() {
            let line = rest.iter().position(|byte| *byte == b'\n')?;
            let mut words = std::str::from_utf8(&rest[..line]).ok()?.split(' ');
            let field = words.next()?.to_owned();
            let (meta, payload) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let (meta, after) = rest[line + 1..].split_at_checked(meta)?;
            let (payload, after) = after.split_at_checked(payload)?;
            segments.push(RedisSegment {
                field,
                meta: meta.to_vec(),
                payload: payload.to_vec(),
            });
            rest = after;
        }
        Some(Self {
            is_expired: match mark {
                b'1' => false,
                b'x' => true,
                _ => return None,
            },
            segments,
        })
    }

    /// The bytes that it has in Redis.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![if self.is_expired { b'x' } else { b'1' }];
        for segment in &self.segments {
            let RedisSegment {
                field,
                meta,
                payload,
            } = segment;
            bytes.extend(format!("{field} {} {}\n", meta.len(), payload.len()).bytes());
            bytes.extend(meta);
            bytes.extend(payload);
        }
        bytes
    }

    /// What stands in the field whose name begins so.
    #[must_use]
    pub fn segment(&self, begins: &str) -> Option<&RedisSegment> {
        let mut segments = self.segments.iter();
        segments.find(|segment| segment.field.starts_with(begins))
    }

    /// The same, to be altered.
    pub fn segment_mut(&mut self, begins: &str) -> Option<&mut RedisSegment> {
        let mut segments = self.segments.iter_mut();
        segments.find(|segment| segment.field.starts_with(begins))
    }
}

impl RedisServer {
    /// The record under a key of Redis; nothing where there is none, or something else.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = caching_testkit::RedisServer::start().await?;
    /// server.command(["SET", "{shop}:shared:plain:a", "1json.1 4 3\nmetaone"]).await?;
    /// let record = server.record("{shop}:shared:plain:a").await?.ok_or("no record")?;
    /// let value = record.segment("json.1").ok_or("no value")?;
    /// assert_eq!(value.payload, b"one"); // and in an encrypted cache it would be anything else
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub async fn record(&self, key: &str) -> Result<Option<RedisRecord>, RedisServerError> {
        let reply = match self.command(["GET", key]).await {
            // Of another type.
            Err(RedisServerError::Refused { .. }) => return Ok(None),
            reply => reply?,
        };
        Ok(reply.bytes().and_then(RedisRecord::parse))
    }

    /// Puts a record in the place of what is there, whose life it takes over.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub async fn set_record(
        &self,
        key: &str,
        record: &RedisRecord,
    ) -> Result<(), RedisServerError> {
        let bytes = record.to_bytes();
        let words: [&[u8]; 4] = [b"SET", key.as_bytes(), &bytes, b"KEEPTTL"];
        self.command(words).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let segment = |field: &str, payload: &[u8]| RedisSegment {
            field: field.to_owned(),
            meta: b"meta\n".to_vec(),
            payload: payload.to_vec(),
        };
        for is_expired in [true, false] {
            let record = RedisRecord {
                is_expired,
                segments: vec![segment("json.1", b"\nx 1"), segment("json.2", b"")],
            };
            assert_eq!(RedisRecord::parse(&record.to_bytes()), Some(record));
        }
        for bytes in ["", "y", "1json.1", "1json.1 1 1\n", "1json.1 0 9\nx"] {
            assert_eq!(RedisRecord::parse(bytes.as_bytes()), None, "{bytes}");
        }
    }
}
