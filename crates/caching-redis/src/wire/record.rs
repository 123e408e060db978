//! A record: its mark, then a segment for each field that holds a value.
//!
//! ```text
//! 1 json.1 75 120⏎ META PAYLOAD json.2 81 98⏎ META PAYLOAD
//! │ │      │  └ length of the payload
//! │ │      └ length of what stands beside it
//! │ └ field
//! └ as it is, or x where the key was expired          (without the spaces but those in a head)
//! ```
//!
//! Scripts write records, and splice them; this reads them.

use std::ops::Range;

use super::meta::{Meta, meta};
use super::number::leading;

/// The most segments that a record has.
pub(crate) const MOST_SEGMENTS: usize = 256;

/// The longest name of a field, in bytes.
pub(crate) const LONGEST_FIELD: usize = 64;

/// The value of a field, and what stands beside it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Whether the key was expired after it was stored.
    pub(crate) is_expired: bool,
    pub(crate) meta: Meta,
    /// Where the value is in the record.
    pub(crate) payload: Range<usize>,
}

/// Looks for a field in a record. Where any part of the record does not fit the rest, nothing in it is
/// believed: the error says why, for people.
pub(crate) fn segment(record: &[u8], field: &str) -> Result<Option<Segment>, &'static str> {
    let is_expired = match record.first() {
        Some(b'1') => false,
        Some(b'x') => true,
        _ => return Err("what stands there does not begin as a record does"),
    };
    let mut found = None;
    let mut rest = record.get(1..).unwrap_or_default();
    let mut count = 0;
    while !rest.is_empty() {
        count += 1;
        let (head, parts) = head(rest).ok_or("a segment of the record has no head")?;
        let cut = || "the record is cut off, or is longer than it says";
        let (beside, after) = parts.split_at_checked(head.meta).ok_or_else(cut)?;
        let (_, after) = after.split_at_checked(head.payload).ok_or_else(cut)?;
        if head.field == field.as_bytes() {
            let end = record.len() - after.len();
            if found.replace((beside, end - head.payload..end)).is_some() {
                return Err("the record has a field twice");
            }
        }
        rest = after;
    }
    if count == 0 || count > MOST_SEGMENTS {
        return Err("the record has no segments, or too many");
    }
    let Some((beside, payload)) = found else {
        return Ok(None);
    };
    let meta = meta(beside).ok_or("what stands beside the value cannot be understood")?;
    Ok(Some(Segment {
        is_expired,
        meta,
        payload,
    }))
}

/// What a segment begins with.
struct Head<'a> {
    field: &'a [u8],
    meta: usize,
    payload: usize,
}

/// A head, `FIELD LENGTH LENGTH` and a line feed, and what comes after it.
fn head(bytes: &[u8]) -> Option<(Head<'_>, &[u8])> {
    let mut field = bytes.iter().take(LONGEST_FIELD + 1);
    let (field, rest) = bytes.split_at_checked(field.position(|byte| *byte == b' ')?)?;
    if field.is_empty() || !field.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let (meta, rest) = leading(rest.get(1..)?)?;
    let (payload, rest) = leading(rest.strip_prefix(b" ")?)?;
    let head = Head {
        field,
        meta: usize::try_from(meta).ok()?,
        payload: usize::try_from(payload).ok()?,
    };
    Some((head, rest.strip_prefix(b"\n")?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const META: &str = "1 0000000000000000000000000000002a 7 1000 2000 2:ab";

    fn part(field: &str, payload: &[u8]) -> Vec<u8> {
        let head = format!("{field} {} {}\n{META}", META.len(), payload.len());
        [head.as_bytes(), payload].concat()
    }

    fn record(mark: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        [vec![mark], parts.concat()].concat()
    }

    /// The payload of a field, and whether it was expired.
    fn read<'a>(record: &'a [u8], field: &str) -> Option<(&'a [u8], bool)> {
        let found = segment(record, field).ok().flatten()?;
        Some((&record[found.payload], found.is_expired))
    }

    #[test]
    fn each_field_is_found_beside_the_others() {
        let two = record(b'1', &[part("json.1", b"one"), part("json.2", b"\n1x ")]);
        assert_eq!(read(&two, "json.1"), Some((&b"one"[..], false)));
        assert_eq!(read(&two, "json.2"), Some((&b"\n1x "[..], false)));
        assert_eq!(segment(&two, "json.3"), Ok(None));
        assert_eq!(segment(&two, "json"), Ok(None));
        let empty = record(b'1', &[part("json.1", b"")]);
        assert_eq!(read(&empty, "json.1"), Some((&b""[..], false)));
    }

    #[test]
    fn a_mark_says_that_all_of_it_was_expired() {
        let two = record(b'x', &[part("json.1", b"one"), part("json.2", b"two")]);
        assert_eq!(read(&two, "json.1"), Some((&b"one"[..], true)));
        assert_eq!(read(&two, "json.2"), Some((&b"two"[..], true)));
    }

    #[test]
    fn a_record_that_was_cut_off_anywhere_is_damaged() {
        let two = record(b'1', &[part("json.1", b"one"), part("json.2", b"two")]);
        let first = 1 + part("json.1", b"one").len();
        for length in 0..two.len() {
            let read = segment(&two[..length], "json.1");
            // Cut between two segments it is a whole record of one of them.
            assert_eq!(read.is_ok(), length == first, "{length}");
        }
        let one = &two[..first];
        for length in 0..one.len() {
            assert!(segment(&one[..length], "json.1").is_err(), "{length}");
        }
    }

    #[test]
    fn what_does_not_fit_is_damaged() {
        let good = part("json.1", b"one");
        let many = |count: usize| -> Vec<_> {
            (0..count)
                .map(|n| part(&format!("json.{n}"), b""))
                .collect()
        };
        assert!(segment(&record(b'1', &many(MOST_SEGMENTS)), "json.1").is_ok());
        for (what, bytes) in [
            ("no segments", record(b'1', &[])),
            ("another mark", record(b'0', std::slice::from_ref(&good))),
            ("a tail", record(b'1', &[good.clone(), b"x".to_vec()])),
            ("a field twice", record(b'1', &[good.clone(), good.clone()])),
            ("too many", record(b'1', &many(MOST_SEGMENTS + 1))),
            ("no field", record(b'1', &[part("", b"one")])),
            (
                "a long field",
                record(b'1', &[part(&"f".repeat(65), b"one")]),
            ),
            (
                "a field of other bytes",
                record(b'1', &[part("\u{e9}", b"one")]),
            ),
            ("three numbers", b"1json.1 0 0 0\n".to_vec()),
            ("one number", b"1json.1 0\n".to_vec()),
            ("a sign", b"1json.1 -0 0\n".to_vec()),
            ("leading zeros", b"1json.1 00 0\n".to_vec()),
            ("a huge length", b"1json.1 9007199254699999 0\n".to_vec()),
            ("a huger one", b"1json.1 0 18446744073709551617\n".to_vec()),
            ("no meta", b"1json.1 0 3\none".to_vec()),
        ] {
            assert!(segment(&bytes, "json.1").is_err(), "{what}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic_and_hold_no_value(bytes: Vec<u8>, tail: Vec<u8>) {
            // What was not written as a value is none, whatever it begins with.
            for begin in ["", "1", "x", "1json.1 ", "1json.1 3 3\n", "1json.1 51 "] {
                let bytes = [begin.as_bytes(), &bytes].concat();
                prop_assert_eq!(read(&bytes, "json.1"), None);
            }
            let good = record(b'1', &[part("json.1", b"one")]);
            let longer = [good.as_slice(), &tail].concat();
            let read = read(&longer, "json.1");
            prop_assert!(read.is_none() || read == Some((b"one", false)));
        }

        #[test]
        fn a_byte_that_was_altered_gives_no_other_payload_than_one_of_that_length(
            place in 0_usize..200, byte: u8
        ) {
            let good = record(b'1', &[part("json.1", b"one"), part("json.2", b"two")]);
            let mut altered = good.clone();
            let place = place % altered.len();
            altered[place] = byte;
            if let Some((payload, _)) = read(&altered, "json.1") {
                prop_assert!(payload.len() == 3 && (payload == b"one" || altered[place] != good[place]));
            }
        }

        #[test]
        fn any_payloads_are_read_as_they_were_written(
            payloads in proptest::collection::vec(any::<Vec<u8>>(), 1..=MOST_SEGMENTS)
        ) {
            let parts = payloads.iter().enumerate();
            let parts: Vec<_> = parts.map(|(n, payload)| part(&format!("json.{n}"), payload)).collect();
            let whole = record(b'1', &parts);
            for (n, payload) in payloads.iter().enumerate() {
                prop_assert_eq!(read(&whole, &format!("json.{n}")), Some((payload.as_slice(), false)));
            }
        }
    }
}
