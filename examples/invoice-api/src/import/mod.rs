//! Loads the public *Online Retail* data set, or a file of the same form.
//!
//! Two phases, because the rows of one invoice need not stand together: first every row is read and set
//! aside in a table of its own, a batch a commit; then whole invoices move into place, each with all its
//! rows. Nothing is visible before the file was read to its end, an invoice is never half there, memory does
//! not grow with the file, and a run that was killed is taken up where its last commit left it.
//!
//! The data set: Daqing Chen, *Online Retail*, UCI Machine Learning Repository, 2015,
//! <https://doi.org/10.24432/C5BW33>, CC BY 4.0.

mod console;
mod error;
mod observer;
mod publishing;
mod reading;
mod row;
mod source;
mod staging;

use std::path::Path;

use caching_events::EventBus;

pub use console::Console;
pub use error::ImportError;
pub use observer::{ImportObserver, Phase};
pub use row::tenant_of_country;

use crate::database::Database;

/// What an import has done, over all the runs that it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Invoices that are there now.
    pub invoices: u64,
    /// Lines of those invoices.
    pub lines: u64,
    /// Rows that could not be read.
    pub skipped: u64,
    /// Invoices that were not stored, because the tenant has the number or they are beyond a limit.
    pub refused: u64,
}

/// Imports the file at `path`, packed with zstd or plain, and tells `observer` how it goes.
///
/// # Errors
///
/// [`ImportError::Done`] when the same rows were imported before, whatever the file was called;
/// [`ImportError`] otherwise when the file or the database cannot be used. Bad rows are no error: they are
/// told to the observer and skipped.
pub async fn import(
    database: &Database,
    bus: &EventBus,
    path: &Path,
    observer: &mut dyn ImportObserver,
) -> Result<ImportReport, ImportError> {
    let file = source::Fingerprint::of(path).await?;
    let state = staging::claim(database, &file.digest).await?;
    if state.phase == staging::Step::Done {
        return Err(ImportError::Done {
            report: state.report,
        });
    }
    if state.phase == staging::Step::Reading {
        reading::run(database, path, &file, state.records, observer).await?;
    }
    publishing::run(database, bus, &file.digest, observer).await?;
    staging::tidy(database).await?;
    Ok(staging::claim(database, &file.digest).await?.report)
}
