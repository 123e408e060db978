//! An exact amount of money.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Digits after the point that an amount keeps. The smallest price of the public data set has three.
pub const DECIMALS: u32 = 4;

/// The largest price, line and invoice, in ten-thousandths: a trillion. Below `i64::MAX` by a factor of 900,
/// so that SQLite holds each of them as an integer.
const LIMIT: i64 = 10_000_000_000_000_000;

/// Digits before the point that an amount can have: with [`DECIMALS`] they stay within the 28 that
/// [`Decimal`] keeps exactly. Only sums over many invoices come near.
const WHOLE_DIGITS: usize = 24;

/// An exact amount of money with at most four digits after the point.
///
/// It is text in JSON (`"2.55"`, always with two digits or more after the point), because a JSON number
/// passes through a binary fraction in most clients; and an integer number of ten-thousandths in the
/// database, so that SQLite adds amounts up without loss.
///
/// ```
/// use invoice_api::invoices::Amount;
///
/// let price: Amount = "2.55".parse()?;
/// let total = price.times(6)?.plus("0.001".parse()?)?;
/// assert_eq!(total.to_string(), "15.301");
/// assert_eq!("12.5".parse::<Amount>()?.to_string(), "12.50");
/// # Ok::<(), invoice_api::invoices::AmountError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(Decimal);

/// Why a text or a sum is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// Not of the form `12`, `12.5` or `-12.5001`.
    #[error("must be a decimal number such as \"12.50\"")]
    NotADecimal,
    /// More digits after the point than are kept; nothing is rounded silently.
    #[error("must not have more than {DECIMALS} digits after the point")]
    TooPrecise,
    /// Beyond a trillion either way, or a sum that nothing can hold.
    #[error("must not be beyond 1000000000000")]
    TooLarge,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// The amount of so many ten-thousandths, as the database stores it.
    pub fn from_ten_thousandths(count: i128) -> Result<Self, AmountError> {
        Decimal::try_from_i128_with_scale(count, DECIMALS)
            .map_err(|_| AmountError::TooLarge)
            .and_then(Self::checked)
    }

    /// How many ten-thousandths this is.
    pub fn ten_thousandths(self) -> i128 {
        // At most 96 bits times 10^4: within 127 bits.
        self.0.mantissa() * 10_i128.pow(DECIMALS - self.0.scale())
    }

    /// This amount, unless it is beyond the trillion that a price, a line or an invoice may reach.
    pub fn limited(self) -> Result<Self, AmountError> {
        if self.ten_thousandths().unsigned_abs() > u128::from(LIMIT.unsigned_abs()) {
            return Err(AmountError::TooLarge);
        }
        Ok(self)
    }

    /// This amount so many times.
    pub fn times(self, quantity: i64) -> Result<Self, AmountError> {
        self.0
            .checked_mul(Decimal::from(quantity))
            .ok_or(AmountError::TooLarge)
            .and_then(Self::checked)
    }

    /// The sum of both.
    pub fn plus(self, other: Self) -> Result<Self, AmountError> {
        self.0
            .checked_add(other.0)
            .ok_or(AmountError::TooLarge)
            .and_then(Self::checked)
    }

    /// True below zero.
    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// The one constructor: no more digits than are kept, and zeros at the end that say nothing left out.
    fn checked(decimal: Decimal) -> Result<Self, AmountError> {
        let normal = decimal.normalize();
        if normal.scale() > DECIMALS {
            return Err(AmountError::TooPrecise);
        }
        Ok(Self(normal))
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Decimal's own grammar also takes `1_000`, `+1`, `.5` and `5.`; an amount has one way to be written.
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let are_digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(fraction) {
            return Err(AmountError::NotADecimal);
        }
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > DECIMALS as usize {
            return Err(AmountError::TooPrecise);
        }
        if whole.len() > WHOLE_DIGITS {
            return Err(AmountError::TooLarge);
        }
        let digits = format!("{whole}{fraction:0<width$}", width = DECIMALS as usize);
        let count: i128 = digits.parse().map_err(|_| AmountError::TooLarge)?;
        let count = if text.starts_with('-') { -count } else { count };
        Self::from_ten_thousandths(count)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0;
        if shown.scale() < 2 {
            shown.rescale(2);
        }
        write!(f, "{shown}")
    }
}

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|error| serde::de::Error::custom(format!("an amount {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Amount, AmountError};

    fn amount(text: &str) -> Amount {
        text.parse().expect("a valid amount")
    }

    #[test]
    fn an_amount_is_printed_with_two_digits_or_more_and_loses_none() {
        for (given, shown) in [
            ("0", "0.00"),
            ("-0", "0.00"),
            ("2.5", "2.50"),
            ("0.001", "0.001"),
            ("-11062.06", "-11062.06"),
            ("007.1000000", "7.10"),
            ("1000000000000", "1000000000000.00"),
        ] {
            assert_eq!(amount(given).to_string(), shown);
        }
    }

    #[test]
    fn what_is_not_plainly_a_decimal_is_refused() {
        for text in [
            "", "-", ".", "1.", ".5", "+1", "1e3", "1_000", "1,5", " 1", "NaN", "0x1", "١", "--1",
        ] {
            assert_eq!(
                text.parse::<Amount>(),
                Err(AmountError::NotADecimal),
                "{text}"
            );
        }
    }

    #[test]
    fn nothing_is_rounded_silently() {
        assert_eq!("0.00001".parse::<Amount>(), Err(AmountError::TooPrecise));
    }

    #[test]
    fn what_would_overflow_is_refused() {
        let huge = "9".repeat(60);
        assert_eq!(huge.parse::<Amount>(), Err(AmountError::TooLarge));
        let most = amount(&"9".repeat(24));
        assert_eq!(most.times(i64::MAX), Err(AmountError::TooLarge));
        let limit = amount("-1000000000000");
        assert_eq!(limit.limited(), Ok(limit));
        let beyond = limit.plus(amount("-0.0001")).expect("a sum may go on");
        assert_eq!(beyond.limited(), Err(AmountError::TooLarge));
    }

    #[test]
    fn the_database_gives_back_what_it_was_given() {
        for text in [
            "0.00",
            "0.001",
            "-11062.06",
            "38970.00",
            "1000000000000.00",
            "999999999999999999999999.9999",
        ] {
            let stored = amount(text).ten_thousandths();
            let read = Amount::from_ten_thousandths(stored).expect("in bounds");
            assert_eq!(read.to_string(), text);
        }
        assert!(Amount::from_ten_thousandths(i128::MAX).is_err());
    }
}
