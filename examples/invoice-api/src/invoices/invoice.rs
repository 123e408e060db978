//! An invoice: what it holds and what may happen to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, AmountError, InvoiceId};
use crate::customers::CustomerId;

/// An invoice as the API shows it and as the cache keeps it.
///
/// | status | `pay` | `cancel` | change | delete |
/// | --- | --- | --- | --- | --- |
/// | open | paid | cancelled | yes | yes |
/// | paid | refused | refused | yes | yes |
/// | cancelled | refused | refused | refused | yes |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Its identity, given by the API.
    pub id: InvoiceId,
    /// Its number, given by the tenant and unique within it.
    pub number: String,
    /// Who is billed. An imported invoice may have nobody.
    pub customer_id: Option<CustomerId>,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// Where it stands.
    pub status: Status,
    /// What is billed, in the order in which it was given.
    pub lines: Vec<Line>,
    /// The exact sum of all lines.
    pub total: Amount,
    /// Grows by one with every change; a new invoice has 1.
    pub version: i64,
}

/// One line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What was sold: the article's code.
    pub sku: String,
    /// What was sold, in words; may be empty.
    pub description: String,
    /// How many; negative on imported returns.
    pub quantity: i64,
    /// The price of one; negative on imported adjustments.
    pub unit_price: Amount,
}

impl Line {
    /// Quantity times price, refused beyond a trillion.
    pub fn amount(&self) -> Result<Amount, AmountError> {
        self.unit_price.times(self.quantity)?.limited()
    }
}

/// The exact sum of all lines, refused when a line or a sum on the way is beyond a trillion.
pub fn total(lines: &[Line]) -> Result<Amount, AmountError> {
    lines.iter().try_fold(Amount::ZERO, |sum, line| {
        sum.plus(line.amount()?)?.limited()
    })
}

/// Where an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// To be paid.
    Open,
    /// Paid.
    Paid,
    /// No longer to be paid.
    Cancelled,
}

impl Status {
    /// The word of the API and of the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status that a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Paid, Self::Cancelled]
            .into_iter()
            .find(|status| status.as_str() == word)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A currency by its three capital letters (the form of ISO 4217).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// The text is not three capital letters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be three capital letters such as \"GBP\"")]
pub struct CurrencyError;

impl Currency {
    /// Pound sterling, the currency of the public data set.
    pub const GBP: Self = Self(*b"GBP");

    /// Accepts three capital letters.
    pub fn parse(text: &str) -> Result<Self, CurrencyError> {
        <[u8; 3]>::try_from(text.as_bytes())
            .ok()
            .filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
            .map(Self)
            .ok_or(CurrencyError)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|b| write!(f, "{}", char::from(*b)))
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}
