//! Numbers and epochs as text.

use caching_core::Epoch;

/// Scripts count in double precision; what is larger is not counted on. The rest up to 2^53 is room for
/// what they add.
const LIMIT: u64 = 9_007_199_254_700_000;

/// The largest number that is written.
pub(crate) const LARGEST_NUMBER: u64 = LIMIT - 1;

/// A whole number as Redis writes one: decimal, without a sign or leading zeros, and not too large.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    let is_plain = match bytes {
        [] => false,
        [b'0'] => true,
        [first, rest @ ..] => {
            matches!(first, b'1'..=b'9') && rest.len() < 16 && rest.iter().all(u8::is_ascii_digit)
        }
    };
    if !is_plain {
        return None;
    }
    let number = bytes
        .iter()
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    (number < LIMIT).then_some(number)
}

/// An epoch: 32 digits of lower-case hexadecimal, not all zero.
pub(crate) fn epoch(bytes: &[u8]) -> Option<Epoch> {
    if bytes.len() != 32 {
        return None;
    }
    let mut bits: u128 = 0;
    for byte in bytes {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        bits = bits << 4 | u128::from(digit);
    }
    (bits != 0).then(|| Epoch::new(bits))
}

/// An epoch as text.
pub(crate) fn hex(epoch: Epoch) -> String {
    format!("{:032x}", epoch.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_redis_writes_them_and_in_no_other_way() {
        for (text, is) in [
            ("0", 0),
            ("7", 7),
            ("9007199254699999", 9_007_199_254_699_999),
        ] {
            assert_eq!(number(text.as_bytes()), Some(is));
        }
        for text in [
            "",
            "-1",
            "+1",
            "01",
            "1.0",
            "1e3",
            " 1",
            "9007199254740993",
            "x",
        ] {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn an_epoch_is_read_as_it_was_written() {
        let some = Epoch::new(0x0123_4567_89ab_cdef);
        assert_eq!(epoch(hex(some).as_bytes()), Some(some));
        for text in [
            hex(Epoch::default()),
            hex(some).to_uppercase(),
            "1".to_owned(),
        ] {
            assert_eq!(epoch(text.as_bytes()), None, "{text}");
        }
    }
}
