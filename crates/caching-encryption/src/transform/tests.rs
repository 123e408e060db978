//! What is sealed comes back for its own record, and for nothing else.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{PayloadEncryption, sealed};
use crate::binding::Binding;
use crate::error::OpenError;
use crate::keys::Keys;
use crate::ring::KeyRing;
use crate::secret_key::SecretKey;

const RECORD: Binding<'static> = Binding {
    physical_key: b"app:t:acme:invoice:7",
    scope_text: "t:acme",
    value_version: 2,
    header: b"\x01json",
};
const PAYLOAD: &[u8] = br#"{"total":"120.00"}"#;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).unwrap()
}

/// Encrypts with one key.
fn encryption(byte: u8) -> PayloadEncryption {
    let keys = Keys::builder().key("only", key(byte)).build().unwrap();
    PayloadEncryption::new(KeyRing::new(keys))
}

fn sealed_payload() -> Vec<u8> {
    encryption(1).sealed(&RECORD, PAYLOAD).unwrap()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn a_payload_comes_back_for_its_record() {
    for payload in [&b""[..], b"x", PAYLOAD, &[0; 100_000]] {
        let stored = encryption(1).sealed(&RECORD, payload).unwrap();
        assert_eq!(stored.len(), payload.len() + PayloadEncryption::OVERHEAD);
        let opened = encryption(1).opened(&RECORD, &stored).unwrap();
        assert_eq!(opened, payload);
    }
}

/// Made by other hands: Python's `hmac`, and `KBKDFCMAC` and `AESGCM` of pyca/cryptography 48.
#[test]
fn records_of_the_first_format_are_read_as_ever() {
    let stored = from_hex(
        "c1584701d0c5821f207122cc4142434445464748494a4b4c4d4e4f505152535455565758\
         7b533dd6f3d74e48d669f2211ef40ad4abca59fcabdefe9962d88cf1acb8fdfb329e",
    );
    assert_eq!(encryption(1).opened(&RECORD, &stored).unwrap(), PAYLOAD);

    let with_secret = from_hex(
        "c1584701d0c5821f207122cc4142434445464748494a4b4c4d4e4f505152535455565758\
         36a0e01dff4568bf991dac417575601cddc0b9e3e41e9f3eff4a48709557d668cc78",
    );
    let keys = Keys::builder()
        .key("only", key(1))
        .scope_secret("t:acme", key(2));
    let encryption = PayloadEncryption::new(KeyRing::new(keys.build().unwrap()));
    assert_eq!(encryption.opened(&RECORD, &with_secret).unwrap(), PAYLOAD);
}

#[test]
fn the_same_payload_sealed_twice_gives_different_bytes() {
    let encryption = encryption(1);
    let nonces: HashSet<Vec<u8>> = (0..10_000)
        .map(|_| encryption.sealed(&RECORD, PAYLOAD).unwrap()[12..36].to_vec())
        .collect();
    assert_eq!(nonces.len(), 10_000);

    let (one, two) = (sealed_payload(), sealed_payload());
    assert_ne!(one[36..], two[36..]);
}

#[test]
fn nothing_of_the_payload_can_be_read_in_what_is_stored() {
    let payload = b"customer 4711 owes 120.00".repeat(4);
    let stored = encryption(1).sealed(&RECORD, &payload).unwrap();
    for word in [&b"customer"[..], b"4711", b"120.00"] {
        assert!(!stored.windows(word.len()).any(|window| window == word));
    }
}

#[test]
fn a_record_that_is_cut_off_anywhere_is_refused() {
    let stored = sealed_payload();
    for length in 0..stored.len() {
        let error = encryption(1)
            .opened(&RECORD, &stored[..length])
            .unwrap_err();
        let expected = match length {
            0..3 => OpenError::NotSealed,
            3..52 => OpenError::Truncated,
            _ => OpenError::NotAuthentic,
        };
        assert_eq!(error, expected, "{length} bytes");
    }
}

#[test]
fn a_record_with_one_bit_flipped_anywhere_is_refused() {
    let stored = sealed_payload();
    for bit in 0..stored.len() * 8 {
        let mut flipped = stored.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let error = encryption(1).opened(&RECORD, &flipped).unwrap_err();
        let expected = match bit / 8 {
            0..3 => OpenError::NotSealed,
            3 => OpenError::UnknownFormat(flipped[3]),
            4..12 => OpenError::UnknownKey,
            _ => OpenError::NotAuthentic,
        };
        assert_eq!(error, expected, "bit {bit}");
    }
}

#[test]
fn a_record_with_bytes_behind_it_is_refused() {
    let mut stored = sealed_payload();
    stored.push(0);
    let error = encryption(1).opened(&RECORD, &stored).unwrap_err();
    assert_eq!(error, OpenError::NotAuthentic);
}

#[test]
fn a_record_is_refused_anywhere_but_where_it_was_stored() {
    let elsewhere = [
        Binding {
            physical_key: b"app:t:acme:invoice:8",
            ..RECORD
        },
        Binding {
            scope_text: "t:globex",
            ..RECORD
        },
        Binding {
            value_version: 3,
            ..RECORD
        },
        Binding {
            header: b"\x01msgpack",
            ..RECORD
        },
        // The same bytes, with the border between two parts elsewhere.
        Binding {
            scope_text: "t:acmea",
            physical_key: b"pp:t:acme:invoice:7",
            ..RECORD
        },
    ];
    for record in elsewhere {
        let error = encryption(1)
            .opened(&record, &sealed_payload())
            .unwrap_err();
        assert_eq!(error, OpenError::NotAuthentic, "{record:?}");
    }
}

/// Every record whose parts are of these texts: what one part ends with, the next may begin with.
#[test]
fn no_two_records_are_bound_alike() {
    let texts = ["", "a", "b", "aa", "ab", "aaa"];
    let mut bound = HashSet::new();
    let mut count = 0;
    for scope_text in texts {
        for physical_key in texts {
            for header in texts {
                for value_version in [0, 1] {
                    let record = Binding {
                        physical_key: physical_key.as_bytes(),
                        scope_text,
                        value_version,
                        header: header.as_bytes(),
                    };
                    bound.insert(record.additional_data(b"preface"));
                    count += 1;
                }
            }
        }
    }
    assert_eq!(bound.len(), count);
}

#[test]
fn the_key_that_a_record_names_is_the_key_that_opens_it() {
    // The same payload under two keys of one ring; the name of the one, the rest of the other.
    let keys = Keys::builder().key("one", key(1)).key("two", key(2));
    let ring = PayloadEncryption::new(KeyRing::new(keys.build().unwrap()));
    let (mut one, two) = (
        encryption(1).sealed(&RECORD, PAYLOAD).unwrap(),
        encryption(2).sealed(&RECORD, PAYLOAD).unwrap(),
    );
    assert_eq!(ring.opened(&RECORD, &one).unwrap(), PAYLOAD);
    assert_eq!(ring.opened(&RECORD, &two).unwrap(), PAYLOAD);
    one[4..12].copy_from_slice(&two[4..12]);
    let error = ring.opened(&RECORD, &one).unwrap_err();
    assert_eq!(error, OpenError::NotAuthentic);
}

#[test]
fn what_another_ring_has_sealed_is_refused() {
    let error = encryption(2)
        .opened(&RECORD, &sealed_payload())
        .unwrap_err();
    assert_eq!(error, OpenError::UnknownKey);
}

#[test]
fn plain_payloads_are_refused_until_one_migrates() {
    for plain in [&b""[..], PAYLOAD, b"\x81\xa5total", "\u{e9}".as_bytes()] {
        let error = encryption(1).opened(&RECORD, plain).unwrap_err();
        assert_eq!(error, OpenError::NotSealed);

        let migrating = encryption(1).migrate_from_plaintext(true);
        assert_eq!(migrating.opened(&RECORD, plain).unwrap(), plain);
    }
}

#[test]
fn migrating_lets_no_damaged_record_through() {
    let migrating = encryption(1).migrate_from_plaintext(true);
    let mut stored = migrating.sealed(&RECORD, PAYLOAD).unwrap();
    assert_ne!(stored, PAYLOAD, "what is written is encrypted all the same");
    assert_eq!(migrating.opened(&RECORD, &stored).unwrap(), PAYLOAD);
    let error = migrating.opened(&RECORD, &stored[..40]).unwrap_err();
    assert_eq!(error, OpenError::Truncated);
    stored[40] ^= 1;
    let error = migrating.opened(&RECORD, &stored).unwrap_err();
    assert_eq!(error, OpenError::NotAuthentic);
    stored[3] = 2;
    let error = migrating.opened(&RECORD, &stored).unwrap_err();
    assert_eq!(error, OpenError::UnknownFormat(2));
}

#[test]
fn tenants_have_keys_of_their_own() {
    let keys = Keys::builder().key("only", key(1)).build().unwrap();
    let sealed_with = |scope: &str| {
        let mut message = PAYLOAD.to_vec();
        let cipher = keys.cipher(keys.active_key(), scope);
        cipher.seal(&[7; 24], b"", &mut message).unwrap();
        message
    };
    assert_eq!(sealed_with("t:acme"), sealed_with("t:acme"));
    assert_ne!(sealed_with("t:acme"), sealed_with("t:globex"));
}

#[test]
fn a_destroyed_secret_makes_that_tenant_unreadable_and_no_other() {
    let with_secret = |secret: u8| {
        Keys::builder()
            .key("only", key(1))
            .scope_secret("t:acme", key(secret))
            .build()
            .unwrap()
    };
    let encryption = PayloadEncryption::new(KeyRing::new(with_secret(7)));
    let globex = Binding {
        scope_text: "t:globex",
        ..RECORD
    };
    let of_acme = encryption.sealed(&RECORD, PAYLOAD).unwrap();
    let of_globex = encryption.sealed(&globex, PAYLOAD).unwrap();
    assert_eq!(encryption.opened(&RECORD, &of_acme).unwrap(), PAYLOAD);

    encryption.ring().replace(with_secret(8));
    let error = encryption.opened(&RECORD, &of_acme).unwrap_err();
    assert_eq!(error, OpenError::NotAuthentic);
    assert_eq!(encryption.opened(&globex, &of_globex).unwrap(), PAYLOAD);

    // The key of the ring alone does not bring it back.
    let without = Keys::builder().key("only", key(1)).build().unwrap();
    encryption.ring().replace(without);
    let error = encryption.opened(&RECORD, &of_acme).unwrap_err();
    assert_eq!(error, OpenError::NotAuthentic);
}

#[test]
fn a_rotation_reads_the_old_and_writes_the_new() {
    let (old, new) = (encryption(1), encryption(2));
    let both = |active: &str| {
        let keys = Keys::builder().key("old", key(1)).key("new", key(2));
        PayloadEncryption::new(KeyRing::new(keys.active(active).build().unwrap()))
    };
    let of_old = old.sealed(&RECORD, PAYLOAD).unwrap();

    // First every pod learns the new key, then it writes: each step reads what the other pods write.
    let learned = both("old");
    assert_eq!(learned.opened(&RECORD, &of_old).unwrap(), PAYLOAD);
    let by_learned = learned.sealed(&RECORD, PAYLOAD).unwrap();
    assert_eq!(old.opened(&RECORD, &by_learned).unwrap(), PAYLOAD);

    let writing = both("new");
    assert_eq!(writing.opened(&RECORD, &of_old).unwrap(), PAYLOAD);
    let by_writing = writing.sealed(&RECORD, PAYLOAD).unwrap();
    assert_eq!(learned.opened(&RECORD, &by_writing).unwrap(), PAYLOAD);

    // Last the old key goes, and with it what it has sealed.
    assert_eq!(new.opened(&RECORD, &by_writing).unwrap(), PAYLOAD);
    let error = new.opened(&RECORD, &of_old).unwrap_err();
    assert_eq!(error, OpenError::UnknownKey);
}

#[test]
fn the_keys_are_exchanged_under_callers_that_go_on() {
    let encryption = encryption(1);
    let both = |active: &str| {
        let keys = Keys::builder().key("one", key(1)).key("two", key(2));
        keys.active(active).build().unwrap()
    };
    encryption.ring().replace(both("one"));
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                for _ in 0..2_000 {
                    let stored = encryption.sealed(&RECORD, PAYLOAD).unwrap();
                    assert_eq!(encryption.opened(&RECORD, &stored).unwrap(), PAYLOAD);
                }
            });
        }
        for round in 0..200 {
            let active = if round % 2 == 0 { "two" } else { "one" };
            encryption.ring().replace(both(active));
        }
    });
}

proptest! {
    #[test]
    fn any_payload_comes_back_for_any_record(
        payload in vec(any::<u8>(), 0..2_000),
        physical_key in vec(any::<u8>(), 0..200),
        scope_text in ".{0,40}",
        value_version: u32,
        header in vec(any::<u8>(), 0..40),
    ) {
        let record = Binding {
            physical_key: &physical_key,
            scope_text: &scope_text,
            value_version,
            header: &header,
        };
        let encryption = encryption(1);
        let stored = encryption.sealed(&record, &payload).unwrap();
        prop_assert_eq!(encryption.opened(&record, &stored).unwrap(), payload);
    }

    #[test]
    fn no_bytes_at_all_make_it_panic_or_open(bytes in vec(any::<u8>(), 0..200), prefix in 0..13_usize) {
        // Random bytes behind a beginning that is right as far as it goes.
        let mut stored = sealed::preface(encryption(1).ring().keys().active_key().fingerprint());
        let mut forged = stored[..prefix.min(stored.len())].to_vec();
        forged.extend(&bytes);
        prop_assert!(encryption(1).opened(&RECORD, &forged).is_err());
        stored[0] = 0;
        prop_assert_eq!(encryption(1).opened(&RECORD, &stored), Err(OpenError::NotSealed));
    }

    #[test]
    fn no_damage_goes_unnoticed(at in any::<prop::sample::Index>(), with in 1..=u8::MAX) {
        let mut stored = sealed_payload();
        let at = at.index(stored.len());
        stored[at] ^= with;
        prop_assert!(encryption(1).opened(&RECORD, &stored).is_err());
    }
}
