//! Records as a cache seals and opens them.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use caching_core::{PayloadContext, PayloadTransform, ScopeId};
use caching_encryption::{KeyRing, Keys, OpenError, PayloadEncryption, SecretKey};

const PAYLOAD: &[u8] = br#"{"total":"120.00"}"#;

fn encryption() -> PayloadEncryption {
    let key = SecretKey::from_bytes(&[1; 32]).unwrap();
    let keys = Keys::builder().key("only", key).build().unwrap();
    PayloadEncryption::new(KeyRing::new(keys))
}

/// The record of an invoice in a tenant, whose scope has this number in this process.
fn invoice<'a>(number: u32, tenant: &'a str, key: &'a str) -> PayloadContext<'a> {
    PayloadContext::new(key.as_bytes(), ScopeId::new(number), tenant, 1, b"\x01json")
}

#[test]
fn a_record_is_opened_by_another_process() {
    // Its ring is made anew, and the scope of the tenant has another number there.
    let stored = encryption()
        .seal(&invoice(1, "t:acme", "app:t:acme:invoice:7"), PAYLOAD)
        .unwrap();
    let opened = encryption()
        .open(&invoice(9, "t:acme", "app:t:acme:invoice:7"), &stored)
        .unwrap();
    assert_eq!(opened, PAYLOAD);
}

#[test]
fn records_of_two_tenants_cannot_be_exchanged() {
    let encryption = encryption();
    let acme = invoice(1, "t:acme", "app:t:acme:invoice:7");
    let globex = invoice(2, "t:globex", "app:t:globex:invoice:7");
    let of_acme = encryption.seal(&acme, PAYLOAD).unwrap();
    let of_globex = encryption.seal(&globex, PAYLOAD).unwrap();
    for (record, stored) in [(&acme, &of_globex), (&globex, &of_acme)] {
        let error = encryption.open(record, stored).unwrap_err();
        let error = error.downcast_ref::<OpenError>();
        assert_eq!(error, Some(&OpenError::NotAuthentic));
    }
}

#[test]
fn what_is_refused_says_why_and_repeats_nothing() {
    let encryption = encryption();
    let record = invoice(1, "t:acme", "app:t:acme:invoice:7");
    let mut stored = encryption.seal(&record, PAYLOAD).unwrap();
    stored[40] ^= 1;
    for bytes in [&stored[..], &stored[..20], PAYLOAD, b"", &[0xFF; 300]] {
        let error = encryption.open(&record, bytes).unwrap_err();
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains("120.00"), "{printed}");
        assert!(printed.len() < 300, "{printed}");
    }
}

#[test]
fn the_transform_names_its_algorithm() {
    assert_eq!(encryption().name(), "xaes-256-gcm");
}
