//! What a customer was billed and still owes.

use serde::{Deserialize, Serialize};

use super::CustomerId;
use crate::invoices::{Amount, AmountError, Currency};

/// What a customer was billed and still owes.
///
/// Amounts of different currencies are added up in `total` and `outstanding` as if they were of one; where a
/// customer has several, `by_currency` has the figures that mean something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The customer.
    pub customer_id: CustomerId,
    /// How many invoices there are, whatever their status.
    pub invoices: u64,
    /// The sum over all of them, whatever their status.
    pub total: Amount,
    /// The sum over those that are open.
    pub outstanding: Amount,
    /// The same for each currency, when there is more than one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_currency: Vec<CurrencySummary>,
}

/// The part of a [`Summary`] that is of one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrencySummary {
    /// The currency.
    pub currency: Currency,
    /// How many invoices there are.
    pub invoices: u64,
    /// The sum over all of them.
    pub total: Amount,
    /// The sum over those that are open.
    pub outstanding: Amount,
}

impl Summary {
    /// Adds up the parts of a customer.
    pub fn of(customer_id: CustomerId, parts: Vec<CurrencySummary>) -> Result<Self, AmountError> {
        let mut summary = Self {
            customer_id,
            invoices: 0,
            total: Amount::ZERO,
            outstanding: Amount::ZERO,
            by_currency: Vec::new(),
        };
        for part in &parts {
            summary.invoices += part.invoices;
            summary.total = summary.total.plus(part.total)?;
            summary.outstanding = summary.outstanding.plus(part.outstanding)?;
        }
        if parts.len() > 1 {
            summary.by_currency = parts;
        }
        Ok(summary)
    }
}
