//! A running write.

use std::ops::{Deref, DerefMut};

use caching_events::{CommitError, Transaction};
use sqlx::{Sqlite, SqliteConnection};

use super::DatabaseError;

/// A running write: dropped without a commit, it is rolled back.
///
/// Inside a unit of work of the event bus it is committed together with its events.
#[derive(Debug)]
pub struct WriteTransaction(sqlx::Transaction<'static, Sqlite>);

impl WriteTransaction {
    pub(super) fn new(transaction: sqlx::Transaction<'static, Sqlite>) -> Self {
        Self(transaction)
    }

    /// Makes everything that was done in it last: it is on the disk when this returns.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        Ok(self.0.commit().await?)
    }
}

impl Transaction for WriteTransaction {
    type Error = DatabaseError;

    async fn commit(self) -> Result<(), DatabaseError> {
        self.commit().await
    }
}

impl Deref for WriteTransaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.0
    }
}

impl DerefMut for WriteTransaction {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

impl From<CommitError<DatabaseError>> for DatabaseError {
    fn from(error: CommitError<DatabaseError>) -> Self {
        match error {
            CommitError::Transaction(error) => error,
            other => Self::Commit(other.to_string()),
        }
    }
}
