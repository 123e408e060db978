//! Why an invoice cannot be changed.

use caching_events::CommitError;

use super::Status;
use crate::database::DatabaseError;

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
}

impl From<CommitError<DatabaseError>> for InvoiceError {
    fn from(error: CommitError<DatabaseError>) -> Self {
        Self::Database(error.into())
    }
}
