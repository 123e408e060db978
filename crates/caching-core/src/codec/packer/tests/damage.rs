//! What was not written for this very record is an error: never a panic, never a value.

use proptest::prelude::*;

use super::fixture::{Invoice, Seal, content, context_of, invoice, packer, sealing_packer};
use crate::codec::checksum::checksum;
use crate::codec::envelope::Header;
use crate::codec::packer::{Corruption, PackContext, Packer, UnpackError};
use crate::entry::Content;
use crate::value::ValueType;

/// Records of every form: plain, compressed, "there is none", each also sealed.
fn records() -> Vec<(Packer, Vec<u8>)> {
    let cx = context_of::<Invoice>();
    let contents = [content(invoice(2)), content(invoice(100)), Content::Absent];
    let mut records = Vec::new();
    for content in &contents {
        for packer in [packer(), sealing_packer(Seal::default())] {
            let record = packer.pack(&cx, content, None).unwrap();
            records.push((packer, record));
        }
    }
    records
}

#[test]
fn every_truncation_is_an_error() {
    let cx = context_of::<Invoice>();
    for (packer, record) in records() {
        for length in 0..record.len() {
            assert!(
                packer.unpack(&cx, &record[..length]).is_err(),
                "{length} of {}",
                record.len()
            );
        }
    }
}

#[test]
fn every_flipped_bit_is_an_error() {
    let cx = context_of::<Invoice>();
    for (packer, record) in records() {
        for bit in 0..record.len() * 8 {
            let mut damaged = record.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(
                packer.unpack(&cx, &damaged).is_err(),
                "bit {bit} of {}",
                record.len() * 8
            );
        }
    }
}

#[test]
fn a_byte_more_is_an_error() {
    let cx = context_of::<Invoice>();
    for (packer, mut record) in records() {
        record.push(b' ');
        assert!(packer.unpack(&cx, &record).is_err());
    }
}

#[test]
fn a_record_that_was_moved_is_an_error() {
    let cx = context_of::<Invoice>();
    let elsewhere = [
        PackContext {
            physical_key: "shop:t:acme:invoice:8",
            ..cx
        },
        PackContext {
            value_type: ValueType::of::<Invoice>().with_version(2),
            ..cx
        },
    ];
    for (packer, record) in records() {
        for other in &elsewhere {
            assert!(packer.unpack(other, &record).is_err(), "{other:?}");
        }
    }
}

#[cfg(feature = "message-pack")]
#[test]
fn a_record_in_the_field_of_another_codec_is_an_error() {
    let codec = crate::codec::CodecChoice::MessagePack;
    let other = PackContext {
        codec,
        ..context_of::<Invoice>()
    };
    for (packer, record) in records() {
        let error = packer.unpack(&other, &record).unwrap_err();
        assert!(
            matches!(error, UnpackError::Corrupt(Corruption::OtherCodec)),
            "{error}"
        );
    }
}

#[test]
fn a_value_of_another_type_is_an_error_that_quotes_nothing_of_it() {
    let record = packer()
        .pack(&context_of::<String>(), &content("SECRET".to_owned()), None)
        .unwrap();
    let error = packer().unpack(&context_of::<u32>(), &record).unwrap_err();
    assert!(
        matches!(error, UnpackError::Corrupt(Corruption::Value { .. })),
        "{error}"
    );
    let said = format!("{error} {error:?}");
    assert!(said.contains("u32") && said.contains("json"), "{said}");
    assert!(!said.contains("SECRET"), "{said}");
}

#[test]
fn bytes_after_a_value_are_an_error() {
    let cx = context_of::<u32>();
    for body in [&b"1 2"[..], b"1x", b"1\0"] {
        let error = packer().unpack(&cx, &forged(&cx, None, body)).unwrap_err();
        assert!(
            matches!(error, UnpackError::Corrupt(Corruption::Value { .. })),
            "{error}"
        );
    }
}

#[test]
fn nesting_without_end_is_an_error() {
    let cx = context_of::<serde_json::Value>();
    let deep = "[".repeat(500_000);
    assert!(
        packer()
            .unpack(&cx, &forged(&cx, None, deep.as_bytes()))
            .is_err()
    );
}

#[cfg(feature = "message-pack")]
mod message_pack {
    use super::*;
    use crate::codec::CodecChoice;

    /// Whether these bytes are read as any value at all.
    fn is_read(body: &[u8]) -> bool {
        let cx = PackContext {
            codec: CodecChoice::MessagePack,
            ..context_of::<serde_json::Value>()
        };
        packer().unpack(&cx, &forged(&cx, None, body)).is_ok()
    }

    #[test]
    fn nesting_without_end_is_an_error_in_message_pack() {
        assert!(is_read(&[0x91, 0xc0]));
        assert!(!is_read(&[vec![0x91; 500_000], vec![0xc0]].concat()));
    }

    #[test]
    fn an_array_that_says_it_has_four_thousand_million_elements_is_an_error() {
        assert!(!is_read(&[0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0]));
    }

    #[test]
    fn bytes_after_a_value_are_an_error_in_message_pack() {
        assert!(is_read(&[0xc0]));
        assert!(!is_read(&[0xc0, 0xc0]));
    }
}

#[cfg(feature = "compression")]
#[test]
fn a_block_of_another_length_than_it_says_is_an_error() {
    let cx = context_of::<String>();
    let block = lz4_flex::block::compress(b"\"abc\"");
    assert!(packer().unpack(&cx, &forged(&cx, Some(5), &block)).is_ok());
    for length in [0, 4, 6, 1 << 20] {
        let error = packer()
            .unpack(&cx, &forged(&cx, Some(length), &block))
            .unwrap_err();
        assert!(
            matches!(error, UnpackError::Corrupt(Corruption::Compression)),
            "{length}: {error}"
        );
    }
}

#[cfg(feature = "compression")]
#[test]
fn a_block_that_says_it_holds_more_than_the_limit_is_not_decompressed() {
    let cx = context_of::<String>();
    let error = packer()
        .unpack(&cx, &forged(&cx, Some(u32::MAX), b"\x1f12345"))
        .unwrap_err();
    assert!(
        matches!(
            error,
            UnpackError::TooLarge {
                length: 0xffff_ffff,
                ..
            }
        ),
        "{error}"
    );
}

#[cfg(not(feature = "compression"))]
#[test]
fn a_compressed_record_is_an_error_that_names_the_feature() {
    let cx = context_of::<String>();
    let error = packer()
        .unpack(&cx, &forged(&cx, Some(5), b"\x50\"abc\""))
        .unwrap_err();
    assert!(
        error.to_string().contains("feature `compression`"),
        "{error}"
    );
}

#[test]
fn there_is_none_with_something_behind_it_is_an_error() {
    let cx = context_of::<u32>();
    let error = packer()
        .unpack(&cx, &forged_as(&cx, true, None, b"1"))
        .unwrap_err();
    assert!(
        matches!(error, UnpackError::Corrupt(Corruption::NotEmpty)),
        "{error}"
    );
}

/// A record as somebody would write it who knows the format and means harm: its checksum is right.
fn forged(cx: &PackContext<'_>, plain_length: Option<u32>, body: &[u8]) -> Vec<u8> {
    forged_as(cx, false, plain_length, body)
}

fn forged_as(
    cx: &PackContext<'_>,
    is_absent: bool,
    plain_length: Option<u32>,
    body: &[u8],
) -> Vec<u8> {
    let header = Header {
        codec: cx.codec.as_str(),
        is_absent,
        has_validators: false,
        plain_length,
        is_sealed: false,
    };
    let mut record = header.write(body.len());
    let sum = checksum(
        cx.physical_key.as_bytes(),
        cx.value_type.version(),
        &record,
        body,
    );
    record.extend_from_slice(&sum.to_be_bytes());
    record.extend_from_slice(body);
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for packer in [packer(), sealing_packer(Seal { is_migrating: true })] {
            prop_assert!(packer.unpack(&context_of::<u32>(), &bytes).is_err());
        }
    }

    #[test]
    fn random_bytes_behind_the_start_of_a_header_are_an_error(
        flags in any::<u8>(),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let named = [&[0xF7, 1, flags, 4][..], b"json", &bytes].concat();
        let unnamed = [&[0xF7, 1, flags][..], &bytes].concat();
        for record in [named, unnamed] {
            prop_assert!(packer().unpack(&context_of::<u32>(), &record).is_err());
        }
    }

    #[test]
    fn random_blocks_with_a_right_checksum_do_no_harm(
        length in 0..70_000_u32,
        block in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        // Text: hardly any bytes are no value of it, so only the panic is to be feared.
        let cx = context_of::<String>();
        let _ = packer().unpack(&cx, &forged(&cx, Some(length), &block));
    }

    #[test]
    fn bits_flipped_at_random_are_an_error(
        flips in proptest::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let cx = context_of::<Invoice>();
        for (packer, record) in records() {
            let mut damaged = record.clone();
            for flip in &flips {
                let bit = flip.index(record.len() * 8);
                damaged[bit / 8] ^= 1 << (bit % 8);
            }
            // Two flips of one bit undo each other.
            prop_assert!(damaged == record || packer.unpack(&cx, &damaged).is_err());
        }
    }
}
