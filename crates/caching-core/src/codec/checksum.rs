//! The checksum of payloads that no encryption guards.

/// CRC-32 as in [RFC 1952], section 8, over all that a record is: the key it stands under, the version
/// of its type, the header before the checksum, and the body.
///
/// It tells what was damaged or moved from what was written. It is no protection from somebody who means it:
/// that is what encryption is for.
///
/// [RFC 1952]: https://www.rfc-editor.org/rfc/rfc1952#section-8
pub(crate) fn checksum(physical_key: &[u8], value_version: u32, header: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    // The length first, so that no byte can move from the key into what follows.
    hasher.update(&(physical_key.len() as u64).to_be_bytes());
    hasher.update(physical_key);
    hasher.update(&value_version.to_be_bytes());
    hasher.update(header);
    hasher.update(body);
    hasher.finalize()
}
