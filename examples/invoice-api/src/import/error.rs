//! Why an import stopped.

use std::path::PathBuf;

use super::ImportReport;
use crate::database::DatabaseError;

/// Why an import stopped. What was committed stays, and the same command goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The file cannot be opened or read, or is damaged.
    #[error("the file \"{}\" cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The first row does not name the columns.
    #[error(
        "the file \"{}\" has no column \"{column}\"; its first row must name InvoiceNo, StockCode, \
         Description, Quantity, InvoiceDate, UnitPrice, CustomerID and Country",
        path.display()
    )]
    Header {
        /// The file.
        path: PathBuf,
        /// The column that is missing.
        column: &'static str,
    },
    /// The same rows were imported before.
    #[error(
        "this file was imported already ({} invoices, {} lines); nothing was changed",
        report.invoices, report.lines
    )]
    Done {
        /// What that import did.
        report: ImportReport,
    },
    /// The file is not what it was when the import began.
    #[error("the file \"{}\" changed while it was read; nothing of it is visible, import it again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Another process imports the same file.
    #[error("another process is importing this file; wait for it")]
    Elsewhere,
    /// The database refused.
    #[error("the database failed")]
    Database(#[from] DatabaseError),
    /// The thread that reads the file ended without an answer.
    #[error("the reading of the file broke off")]
    BrokeOff,
}

impl From<sqlx::Error> for ImportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}
