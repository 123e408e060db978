//! Values come back as they were.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytesize::ByteSize;
use proptest::prelude::*;

use super::fixture::{Invoice, Line, Seal, content, context_of, invoice, packer, there_and_back};
use super::fixture::{sealing_packer, value_of};
use crate::codec::{Codec, CodecChoice, JsonCodec, PackContext, PackError, Packer, UnpackError};
use crate::entry::Content;
use crate::error::BoxError;
use crate::units::SizeLimit;
use crate::value::ValueType;

/// Every codec that this build has, plain and sealed.
fn ways() -> Vec<(Packer, CodecChoice)> {
    let codecs = [
        CodecChoice::Json,
        #[cfg(feature = "message-pack")]
        CodecChoice::MessagePack,
    ];
    codecs
        .into_iter()
        .flat_map(|codec| [(packer(), codec), (sealing_packer(Seal::default()), codec)])
        .collect()
}

#[test]
fn values_of_many_shapes_come_back_from_every_codec() {
    for (mut packer, codec) in ways() {
        packer.payload_limit = 16 << 20;
        fn check<V: crate::CacheValue + Clone + PartialEq + std::fmt::Debug>(
            packer: &Packer,
            codec: CodecChoice,
            value: V,
        ) {
            let cx = PackContext {
                codec,
                ..context_of::<V>()
            };
            let back = there_and_back(packer, &cx, value.clone());
            assert!(back == value, "{codec:?} {}", std::any::type_name::<V>());
        }
        check(&packer, codec, invoice(20));
        check(&packer, codec, String::new());
        check(&packer, codec, "\u{0}\u{7f}é😀\"\\".to_owned());
        check(&packer, codec, ());
        check(&packer, codec, None::<u32>);
        check(&packer, codec, (u64::MAX, i64::MIN, f64::MIN_POSITIVE));
        check(
            &packer,
            codec,
            BTreeMap::from([(1_u32, Some('x')), (2, None)]),
        );
        check(&packer, codec, vec![7_u8; 100 * 1024]);
        check(&packer, codec, (0..1_048_576).collect::<Vec<u32>>());
    }
}

#[test]
fn that_there_is_none_comes_back_from_every_codec() {
    for (packer, codec) in ways() {
        let cx = PackContext {
            codec,
            ..context_of::<Invoice>()
        };
        let record = packer.pack(&cx, &Content::Absent, None).unwrap();
        assert!(matches!(
            packer.unpack(&cx, &record).unwrap().content,
            Content::Absent
        ));
    }
}

#[test]
fn none_as_a_value_is_not_that_there_is_none() {
    let cx = context_of::<Option<u32>>();
    let record = packer().pack(&cx, &content(None::<u32>), None).unwrap();
    assert_eq!(value_of::<Option<u32>>(packer().unpack(&cx, &record)), None);
}

proptest! {
    #[test]
    fn any_invoice_comes_back_to_the_last_bit(
        number in ".*",
        total in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO,
        skus in proptest::collection::vec((".*", any::<u32>()), 0..100),
        note in proptest::option::of(".*"),
    ) {
        let lines = skus.into_iter().map(|(sku, quantity)| Line { sku, quantity }).collect();
        let value = Invoice { number, total, lines, note };
        for (packer, codec) in ways() {
            let cx = PackContext { codec, ..context_of::<Invoice>() };
            let back = there_and_back(&packer, &cx, value.clone());
            prop_assert_eq!(&back, &value);
            prop_assert_eq!(back.total.to_bits(), value.total.to_bits());
        }
    }
}

#[cfg(feature = "message-pack")]
#[test]
fn message_pack_has_a_form_for_floats_that_are_no_numbers() {
    let codec = CodecChoice::MessagePack;
    let cx = PackContext {
        codec,
        ..context_of::<f64>()
    };
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
        let back = there_and_back(&packer(), &cx, value);
        assert_eq!(back.to_bits(), value.to_bits());
    }
}

#[test]
fn json_has_none_and_reading_one_back_is_an_error() {
    let cx = context_of::<f64>();
    let record = packer().pack(&cx, &content(f64::NAN), None).unwrap();
    assert!(packer().unpack(&cx, &record).is_err());
}

#[test]
fn a_field_is_named_by_codec_and_version() {
    let packer = packer();
    let first = ValueType::of::<Invoice>();
    assert_eq!(packer.field(first, CodecChoice::Json), "json.1");
    assert_eq!(
        packer.field(first.with_version(7), CodecChoice::MessagePack),
        "message_pack.7"
    );
    let custom = with_custom();
    assert_eq!(custom.field(first, CodecChoice::Custom), "upper_json.1");
}

#[test]
fn a_generation_after_the_first_is_part_of_the_field() {
    let first = ValueType::of::<Invoice>();
    let packer = packer().of_generation(2);
    assert_eq!(packer.field(first, CodecChoice::Json), "json.1.g2");
}

#[test]
fn a_custom_codec_writes_and_reads() {
    let packer = with_custom();
    let cx = PackContext {
        codec: CodecChoice::Custom,
        ..context_of::<String>()
    };
    let record = packer.pack(&cx, &content("abc".to_owned()), None).unwrap();
    assert!(record.ends_with(b"\"ABC\""));
    assert_eq!(value_of::<String>(packer.unpack(&cx, &record)), "ABC");
}

#[test]
fn a_codec_that_is_not_there_is_an_error_that_says_how_to_have_it() {
    let cx = PackContext {
        codec: CodecChoice::Custom,
        ..context_of::<u32>()
    };
    let refused = packer().pack(&cx, &content(1_u32), None).unwrap_err();
    assert!(matches!(refused, PackError::NoCodec(CodecChoice::Custom)));
    assert!(
        refused.to_string().contains("HybridCacheBuilder::codec"),
        "{refused}"
    );
    assert!(matches!(
        packer().unpack(&cx, b""),
        Err(UnpackError::NoCodec(_))
    ));
}

#[cfg(not(feature = "message-pack"))]
#[test]
fn message_pack_without_its_feature_is_an_error_that_names_it() {
    let cx = PackContext {
        codec: CodecChoice::MessagePack,
        ..context_of::<u32>()
    };
    let refused = packer().pack(&cx, &content(1_u32), None).unwrap_err();
    assert!(
        refused.to_string().contains("feature `message-pack`"),
        "{refused}"
    );
}

#[test]
fn what_a_codec_cannot_write_is_an_error_that_names_codec_and_type() {
    let keys = BTreeMap::from([((1_u8, 2_u8), 3_u8)]);
    let cx = context_of::<BTreeMap<(u8, u8), u8>>();
    let refused = packer()
        .pack(&cx, &content(keys), None)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("`json`"), "{refused}");
    assert!(refused.contains("BTreeMap<(u8, u8), u8>"), "{refused}");
    assert!(refused.contains("key must be a string"), "{refused}");
}

/// JSON in capitals, so that its bytes can be told apart.
struct UpperJson;

impl Codec for UpperJson {
    fn name(&self) -> &'static str {
        "upper_json"
    }

    fn encode(
        &self,
        value: &dyn erased_serde::Serialize,
        out: &mut Vec<u8>,
    ) -> Result<(), BoxError> {
        JsonCodec.encode(value, out)?;
        out.make_ascii_uppercase();
        Ok(())
    }

    fn decode(
        &self,
        bytes: &[u8],
        read: &mut dyn FnMut(
            &mut dyn erased_serde::Deserializer<'_>,
        ) -> Result<(), erased_serde::Error>,
    ) -> Result<(), BoxError> {
        JsonCodec.decode(bytes, read)
    }
}

fn with_custom() -> Packer {
    Packer::new(
        Some(Arc::new(UpperJson)),
        None,
        ByteSize::mib(1),
        SizeLimit::Off,
    )
}
