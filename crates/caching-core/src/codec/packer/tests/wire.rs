//! The bytes themselves, which processes of other versions and other programs read.

use std::time::{Duration, UNIX_EPOCH};

use super::fixture::{Seal, content, context_of, packer, sealing_packer, value_of};
use crate::codec::UnpackError;
use crate::entry::{Content, Validators};

/// Made outside of this program, from the description of the format:
///
/// `zlib.crc32(struct.pack(">Q", len(key), None) + key + struct.pack(">I", 1, None) + header + b"120")`
const RECORD: &[u8] = b"\xF7\x01\x00\x04json\xD7\x09\xF0\xD0120";
const ABSENT: &[u8] = b"\xF7\x01\x01\x04json\x36\x96\xD1\x76";

#[test]
fn a_record_has_the_bytes_that_the_reference_says() {
    assert_eq!(
        packer()
            .pack(&context_of::<u32>(), &content(120_u32), None)
            .unwrap(),
        RECORD
    );
    assert_eq!(
        packer()
            .pack(&context_of::<u32>(), &Content::Absent, None)
            .unwrap(),
        ABSENT
    );
    assert_eq!(
        value_of::<u32>(packer().unpack(&context_of::<u32>(), RECORD)),
        120
    );
}

/// The same with an entity tag and a date, `struct.pack(">H3sBqI", 3, b'"7"', 1, 1700000000, 0)` before `120`.
const VALIDATED: &[u8] = b"\xF7\x01\x08\x04json\xA6\xCC\x6C\xA3\x00\x03\x22\x37\x22\x01\x00\x00\x00\x00\x65\x53\xF1\x00\x00\x00\x00\x00120";

#[test]
fn validators_stand_before_the_payload() {
    let validators = Validators::new(
        Some("\"7\""),
        UNIX_EPOCH.checked_add(Duration::from_secs(1_700_000_000)),
    );
    let cx = context_of::<u32>();
    let record = packer().pack(&cx, &content(120_u32), Some(&validators));
    assert_eq!(record.unwrap(), VALIDATED);
    let unpacked = packer().unpack(&cx, VALIDATED).unwrap();
    assert_eq!(unpacked.validators, Some(validators));
    assert_eq!(value_of::<u32>(Ok(unpacked)), 120);
}

#[test]
fn validators_are_sealed_with_the_payload() {
    let validators = Validators::new(Some("\"7\""), None);
    let (packer, cx) = (sealing_packer(Seal::default()), context_of::<u32>());
    let record = packer
        .pack(&cx, &content(120_u32), Some(&validators))
        .unwrap();
    assert!(
        record.starts_with(b"\xF7\x01\x0C\x04jsonsealed:\x00\x03\"7\"\x00120"),
        "{record:?}"
    );
    let unpacked = packer.unpack(&cx, &record).unwrap();
    assert_eq!(unpacked.validators, Some(validators));
}

#[test]
fn that_there_is_none_has_no_validators() {
    let validators = Validators::new(Some("\"7\""), None);
    let record = packer().pack(&context_of::<u32>(), &Content::Absent, Some(&validators));
    assert_eq!(record.unwrap(), ABSENT);
    let mut forged = ABSENT.to_vec();
    forged[2] |= 0b1000;
    let error = packer().unpack(&context_of::<u32>(), &forged).unwrap_err();
    assert_eq!(error.kind(), "corrupt");
}

#[test]
fn a_sealed_record_has_no_checksum() {
    let record = sealing_packer(Seal::default())
        .pack(&context_of::<u32>(), &content(120_u32), None)
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
        .pack(&context_of::<String>(), &content(text), None)
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
