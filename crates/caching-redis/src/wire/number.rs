//! Numbers and epochs as text.

use caching_core::Epoch;

/// Scripts count in double precision; what is larger is not counted on. The rest up to 2^53 is room for
/// what they add.
const LIMIT: u64 = 9_007_199_254_700_000;

/// How many digits the largest number has.
const MOST_DIGITS: usize = 16;

/// The largest number that is written.
pub(crate) const LARGEST_NUMBER: u64 = LIMIT - 1;

/// A whole number as Redis writes one: decimal, without a sign or leading zeros, and not too large.
pub(crate) fn number(bytes: &[u8]) -> Option<u64> {
    match leading(bytes)? {
        (number, []) => Some(number),
        _ => None,
    }
}

/// The number that a text begins with, and what comes after it.
pub(super) fn leading(text: &[u8]) -> Option<(u64, &[u8])> {
    let (mut number, mut length) = (0, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        // No number has more, and so many fit.
        if length == MOST_DIGITS {
            return None;
        }
        number = number * 10 + u64::from(digit);
        length += 1;
    }
    let has_leading_zero = length > 1 && text.starts_with(b"0");
    let is_plain = length > 0 && !has_leading_zero && number < LIMIT;
    is_plain.then_some((number, text.get(length..)?))
}

/// An epoch: 32 digits of lower-case hexadecimal, not all zero.
pub(crate) fn epoch(bytes: &[u8]) -> Option<Epoch> {
    if bytes.len() != 32 {
        return None;
    }
    // Two halves, since arithmetic on one of 128 bits takes twice as long.
    let (high, low) = bytes.split_at(16);
    let bits = u128::from(half(high)?) << 64 | u128::from(half(low)?);
    (bits != 0).then(|| Epoch::new(bits))
}

/// What each byte is as a digit; what is none has a bit that no digit has.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < 16 {
        digits[b"0123456789abcdef"[digit as usize] as usize] = digit;
        digit += 1;
    }
    digits
};
const NO_DIGIT: u8 = 0x80;

/// Sixteen such digits.
fn half(digits: &[u8]) -> Option<u64> {
    let (mut bits, mut all) = (0, 0);
    for byte in digits {
        let digit = DIGITS[usize::from(*byte)];
        all |= digit;
        bits = bits << 4 | u64::from(digit & 15);
    }
    (all & NO_DIGIT == 0).then_some(bits)
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
