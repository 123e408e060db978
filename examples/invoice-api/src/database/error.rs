//! What can go wrong with the database.

use std::path::PathBuf;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The file cannot be opened, created or read.
    #[error("the database \"{}\" cannot be opened; check that its folder exists and that it may be read and written", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// A newer program has changed the tables.
    #[error("the database \"{}\" has tables of version {found} and this program knows {known}; run a newer program", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A statement failed.
    #[error("the database refused a statement")]
    Statement(#[from] sqlx::Error),
    /// The event bus did not take the write to its end, most often because the program is stopping.
    #[error("the write did not come to its end: {0}")]
    Commit(String),
    /// A stored row is not what this program writes.
    #[error("the database holds a row that cannot be understood: {0}")]
    Corrupt(String),
}

impl DatabaseError {
    /// True when another process held the lock for longer than the busy timeout, or all connections
    /// were taken: worth another try later.
    pub fn is_busy(&self) -> bool {
        let (Self::Open { source, .. } | Self::Statement(source)) = self else {
            return false;
        };
        match source {
            sqlx::Error::PoolTimedOut => true,
            // SQLITE_BUSY and SQLITE_LOCKED, with whatever extended code stands above the low byte.
            sqlx::Error::Database(error) => error
                .code()
                .and_then(|code| code.parse::<u32>().ok())
                .is_some_and(|code| matches!(code & 0xff, 5 | 6)),
            _ => false,
        }
    }
}
