//! What stands in Redis, byte by byte.

use caching_testkit::RedisServer;

/// What the record of a plain key is called.
pub fn plain(key: &str) -> String {
    format!("{{shop}}:shared:plain:{key}")
}

/// The number that the record of a plain key holds in Redis, if there is such a record.
pub async fn value_in(server: &RedisServer, key: &str) -> Option<u64> {
    let record = server.record(&plain(key)).await.unwrap()?;
    let body = body(&record.segment("json.1")?.payload).to_vec();
    Some(String::from_utf8(body).unwrap().parse().unwrap())
}

/// The payload of an envelope that is neither compressed nor sealed: `F7 01 00`, the length and the name
/// of the codec, four bytes of checksum, the payload.
fn body(envelope: &[u8]) -> &[u8] {
    assert_eq!(envelope[..3], [0xF7, 1, 0]);
    let name = usize::from(envelope[3]);
    assert_eq!(&envelope[4..4 + name], b"json");
    &envelope[4 + name + 4..]
}

/// Whether a record is there that is a fallback and no more.
pub async fn is_marked_expired(server: &RedisServer, key: &str) -> bool {
    let record = server.record(&plain(key)).await.unwrap();
    record.is_some_and(|record| record.is_expired)
}
