//! The bytes themselves, which processes of other versions and other programs read.

use super::fixture::{Seal, content, context_of, packer, sealing_packer, value_of};
use crate::codec::UnpackError;
use crate::entry::Content;

/// Made outside of this program, from the description of the format:
///
/// `zlib.crc32(struct.pack(">Q", len(key)) + key + struct.pack(">I", 1) + header + b"120")`
const RECORD: &[u8] = b"\xF7\x01\x00\x04json\xD7\x09\xF0\xD0120";
const ABSENT: &[u8] = b"\xF7\x01\x01\x04json\x36\x96\xD1\x76";

#[test]
fn a_record_has_the_bytes_that_the_reference_says() {
    assert_eq!(
        packer()
            .pack(&context_of::<u32>(), &content(120_u32))
            .unwrap(),
        RECORD
    );
    assert_eq!(
        packer()
            .pack(&context_of::<u32>(), &Content::Absent)
            .unwrap(),
        ABSENT
    );
    assert_eq!(
        value_of::<u32>(packer().unpack(&context_of::<u32>(), RECORD)),
        120
    );
}

#[test]
fn a_sealed_record_has_no_checksum() {
    let record = sealing_packer(Seal::default())
        .pack(&context_of::<u32>(), &content(120_u32))
        .unwrap();
    assert!(
        record.starts_with(b"\xF7\x01\x04\x04jsonsealed:120"),
        "{record:?}"
    );
}

#[cfg(feature = "compression")]
#[test]
fn a_compressed_record_says_how_long_it_was() {
    let text = "x".repeat(4_094);
    let record = packer()
        .pack(&context_of::<String>(), &content(text))
        .unwrap();
    assert!(
        record.starts_with(b"\xF7\x01\x02\x04json\x00\x00\x10\x00"),
        "{record:?}"
    );
}

#[test]
fn a_record_of_another_wire_version_is_told_apart() {
    for version in [0, 2, 255] {
        let mut record = RECORD.to_vec();
        record[1] = version;
        let error = packer().unpack(&context_of::<u32>(), &record).unwrap_err();
        assert!(
            matches!(error, UnpackError::UnknownVersion(found) if found == version),
            "{error}"
        );
        assert_eq!(error.kind(), "unknown_version");
    }
}

#[test]
fn what_is_no_envelope_is_told_apart() {
    for foreign in [
        &b""[..],
        b"{\"total\":120}",
        b"120",
        b"\xC1XG\x01",
        b"\x00",
        b"\xF7",
    ] {
        let error = packer().unpack(&context_of::<u32>(), foreign).unwrap_err();
        assert_eq!(error.kind(), "corrupt", "{foreign:?}");
    }
}
