//! With a transform everything goes through it, bound to its record.

use super::fixture::{
    Invoice, MARK, Seal, content, context_of, invoice, packer, sealing_packer, value_of,
};
use crate::codec::packer::{PackContext, UnpackError};
use crate::entry::Content;

fn is_not_opened(error: &UnpackError) -> bool {
    matches!(error, UnpackError::NotOpened(_))
}

#[test]
fn every_payload_is_sealed_also_that_there_is_none() {
    let packer = sealing_packer(Seal::default());
    let cx = context_of::<Invoice>();
    for content in [content(invoice(1)), content(invoice(500)), Content::Absent] {
        let record = packer.pack(&cx, &content, None).unwrap();
        assert!(record.windows(MARK.len()).any(|window| window == MARK));
        assert!(packer.unpack(&cx, &record).is_ok());
    }
}

#[test]
fn a_sealed_record_under_another_key_scope_or_version_is_not_opened() {
    let packer = sealing_packer(Seal::default());
    let cx = context_of::<Invoice>();
    let record = packer.pack(&cx, &content(invoice(1)), None).unwrap();
    for other in [
        PackContext {
            physical_key: "shop:t:acme:invoice:8",
            ..cx
        },
        PackContext {
            scope_text: "t:other",
            ..cx
        },
        PackContext {
            value_type: cx.value_type.with_version(2),
            ..cx
        },
    ] {
        let error = packer.unpack(&other, &record).unwrap_err();
        assert!(is_not_opened(&error), "{error}");
    }
}

#[test]
fn a_sealed_record_is_not_opened_without_a_transform() {
    let cx = context_of::<Invoice>();
    let record = sealing_packer(Seal::default())
        .pack(&cx, &content(invoice(1)), None)
        .unwrap();
    let error = packer().unpack(&cx, &record).unwrap_err();
    assert!(is_not_opened(&error), "{error}");
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[test]
fn whether_a_plain_record_is_read_is_the_transforms_to_say() {
    let cx = context_of::<Invoice>();
    for of_before in [content(invoice(1)), content(invoice(500)), Content::Absent] {
        let record = packer().pack(&cx, &of_before, None).unwrap();

        let strict = sealing_packer(Seal::default());
        let error = strict.unpack(&cx, &record).unwrap_err();
        assert!(is_not_opened(&error), "{error}");

        let migrating = sealing_packer(Seal { is_migrating: true });
        match (migrating.unpack(&cx, &record), of_before) {
            (Ok(unpacked), Content::Absent) => {
                assert!(matches!(unpacked.content, Content::Absent));
            }
            (unpacked, Content::Value(value)) => {
                let value: &dyn std::any::Any = &*value;
                assert_eq!(Some(&value_of::<Invoice>(unpacked)), value.downcast_ref());
            }
            (unpacked, Content::Absent) => unreachable!("{unpacked:?}"),
        }
    }
}

#[test]
fn a_sealed_record_does_not_pass_as_plain_while_migrating() {
    let cx = context_of::<Invoice>();
    let migrating = sealing_packer(Seal { is_migrating: true });
    let mut record = migrating.pack(&cx, &content(invoice(1)), None).unwrap();
    assert_eq!(record[2] & 0b100, 0b100);
    record[2] &= !0b100;
    assert!(migrating.unpack(&cx, &record).is_err());
}
