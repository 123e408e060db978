//! What is too large neither leaves nor enters.

use super::fixture::{Seal, content, context_of, packer, sealing_packer, value_of};
use crate::codec::packer::OVERHEAD;
use crate::codec::{PackError, Packer, UnpackError};

/// A text whose JSON has this many bytes.
fn text_of(length: usize) -> String {
    "x".repeat(length - 2)
}

fn limited(limit: usize, packer: Packer) -> Packer {
    Packer {
        payload_limit: limit,
        ..packer
    }
}

#[test]
fn a_payload_over_the_limit_is_not_packed() {
    let packer = limited(100, packer());
    let cx = context_of::<String>();
    assert!(packer.pack(&cx, &content(text_of(100)), None).is_ok());
    let refused = packer.pack(&cx, &content(text_of(101)), None).unwrap_err();
    assert!(
        matches!(
            refused,
            PackError::TooLarge {
                length: 101,
                limit: 100
            }
        ),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("cache.payload_limit"),
        "{refused}"
    );
    assert!(!refused.to_string().contains("xxx"));
}

#[test]
fn a_payload_at_the_limit_comes_back_sealed_or_not() {
    let cx = context_of::<String>();
    for packer in [packer(), sealing_packer(Seal::default())] {
        let packer = limited(5_000, packer);
        let record = packer.pack(&cx, &content(text_of(5_000)), None).unwrap();
        assert_eq!(
            value_of::<String>(packer.unpack(&cx, &record)),
            text_of(5_000)
        );
    }
}

#[test]
fn a_record_over_the_limit_is_not_looked_at() {
    let packer = limited(100, packer());
    let stored = vec![0; 100 + OVERHEAD + 1];
    let error = packer.unpack(&context_of::<String>(), &stored).unwrap_err();
    assert!(matches!(error, UnpackError::TooLarge { .. }), "{error}");
}

#[test]
fn what_another_process_wrote_under_a_higher_limit_is_too_large_here() {
    let cx = context_of::<String>();
    // The overhead lets both in as they are stored; the second one is compressed.
    for length in [1_500, 3_000] {
        for seal in [false, true] {
            let packer = || {
                if seal {
                    sealing_packer(Seal::default())
                } else {
                    packer()
                }
            };
            let record = packer().pack(&cx, &content(text_of(length)), None).unwrap();
            let error = limited(100, packer()).unpack(&cx, &record).unwrap_err();
            assert!(
                matches!(error, UnpackError::TooLarge { length: found, limit: 100 } if found == length),
                "{error}"
            );
        }
    }
}

#[test]
fn without_a_limit_everything_is_packed() {
    let packer = limited(usize::MAX, packer());
    let cx = context_of::<String>();
    let record = packer
        .pack(&cx, &content(text_of(3_000_000)), None)
        .unwrap();
    assert_eq!(
        value_of::<String>(packer.unpack(&cx, &record)),
        text_of(3_000_000)
    );
}

#[cfg(feature = "compression")]
mod compression {
    use super::*;

    fn stored(packer: &Packer, text: String) -> usize {
        packer
            .pack(&context_of::<String>(), &content(text), None)
            .unwrap()
            .len()
    }

    #[test]
    fn long_payloads_are_compressed_and_short_ones_are_not() {
        let packer = packer();
        assert!(stored(&packer, text_of(2_048)) > 2_048);
        assert!(stored(&packer, text_of(2_049)) < 200);
    }

    #[test]
    fn nothing_is_compressed_when_it_is_off() {
        let packer = Packer {
            compress_above: None,
            ..packer()
        };
        assert!(stored(&packer, text_of(10_000)) > 10_000);
    }

    #[test]
    fn a_payload_that_compression_would_lengthen_stays_as_it_is() {
        let mut random = fastrand::Rng::with_seed(7);
        let noise: String = std::iter::repeat_with(|| random.alphanumeric())
            .take(4_000)
            .collect();
        let record = packer()
            .pack(&context_of::<String>(), &content(noise.clone()), None)
            .unwrap();
        assert_eq!(record[2], 0, "flags");
        assert!(record.ends_with(format!("\"{noise}\"").as_bytes()));
    }

    #[test]
    fn a_program_that_compresses_nothing_reads_what_others_compressed() {
        let cx = context_of::<String>();
        let record = packer().pack(&cx, &content(text_of(10_000)), None).unwrap();
        let reader = Packer {
            compress_above: None,
            ..packer()
        };
        assert_eq!(
            value_of::<String>(reader.unpack(&cx, &record)),
            text_of(10_000)
        );
    }
}
