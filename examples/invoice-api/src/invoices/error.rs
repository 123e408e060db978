//! Why an invoice cannot be changed.

use super::Status;
use crate::database::{BrokeOff, DatabaseError};

/// Why an invoice cannot be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvoiceError {
    /// The tenant has no such invoice.
    #[error("no invoice has this id")]
    NotFound,
    /// The tenant has an invoice of this number.
    #[error("the number \"{number}\" is taken; choose another or change that invoice")]
    NumberTaken {
        /// The number that was asked for.
        number: String,
    },
    /// The invoice's status does not allow the change.
    #[error("the invoice is {status}; it cannot be {wanted}")]
    WrongState {
        /// Where the invoice stands.
        status: Status,
        /// What was asked for: `paid`, `cancelled`, `changed`.
        wanted: &'static str,
    },
    /// The database refused.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    /// The write ended without an answer.
    #[error(transparent)]
    BrokeOff(#[from] BrokeOff),
}

impl From<sqlx::Error> for InvoiceError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
