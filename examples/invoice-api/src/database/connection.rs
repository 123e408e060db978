//! The connections to the file: several that read, one that writes.

use std::time::Duration;

use sqlx::{
    ConnectOptions, SqlitePool,
    sqlite::{
        SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};
use tracing::log::LevelFilter;

use super::{DatabaseConfig, DatabaseError, QueryCounter, WriteTransaction, migrations};

/// How long a caller waits for a connection before it is told that the database is busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the opening of a file is tried that another process is just creating.
const ATTEMPTS: u32 = 50;

/// The SQLite file. A clone is another handle to the same connections.
///
/// The journal is a write-ahead log, so that readers and the writer, of this and of other processes, do not
/// block one another; every commit is on the disk (`synchronous = FULL`) before it is acknowledged.
#[derive(Clone, Debug)]
pub struct Database {
    readers: SqlitePool,
    // One writer a process: SQLite has one at a time anyway, and waiting in a queue is fairer than
    // SQLite's polling.
    writer: SqlitePool,
    options: SqliteConnectOptions,
    queries: QueryCounter,
}

impl Database {
    /// Connections to the configured file. Nothing is opened yet; see [`Database::open`].
    pub fn new(config: &DatabaseConfig, queries: QueryCounter) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(config.url.path())
            .create_if_missing(true)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(config.busy_timeout.get())
            // The database log: every statement at `sqlx::query=debug`, slow ones as warnings. Statements
            // hold placeholders, so no value is logged.
            .log_statements(LevelFilter::Debug)
            .log_slow_statements(LevelFilter::Warn, Duration::from_secs(1));
        let pool = |connections: u32| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(PATIENCE)
        };
        // A reader never creates the file: a path that vanished is an error, not an empty database.
        let reading = options.clone().create_if_missing(false);
        Self {
            readers: pool(config.read_connections.get()).connect_lazy_with(reading),
            writer: pool(1).connect_lazy_with(options.clone()),
            options,
            queries,
        }
    }

    /// Creates the file when it is absent and brings its tables up to date.
    ///
    /// # Errors
    ///
    /// [`DatabaseError::Open`] when the file cannot be read or written, [`DatabaseError::TooNew`] when a
    /// newer program has changed its tables.
    pub async fn open(&self) -> Result<(), DatabaseError> {
        let mut attempt = 1;
        loop {
            match migrations::run(&self.options).await {
                // Switching a new file to the write-ahead log needs it alone and does not wait for the
                // busy timeout (https://sqlite.org/wal.html), so two processes that start together meet here.
                Err(error) if error.is_busy() && attempt < ATTEMPTS => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Where reads go. `name` is what the read is counted under.
    pub fn reads(&self, name: &'static str) -> &SqlitePool {
        self.queries.count(name);
        &self.readers
    }

    /// Begins a write. It holds the file's one write lock from here on, so that what it reads is what it
    /// changes. `name` is what the write is counted under.
    pub async fn write(&self, name: &'static str) -> Result<WriteTransaction, DatabaseError> {
        self.queries.count(name);
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(WriteTransaction::new(transaction))
    }

    /// Asks the file for one row, as a check of its health.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        sqlx::query("SELECT count(*) FROM tenant WHERE id = ''")
            .execute(&self.readers)
            .await?;
        Ok(())
    }

    /// Gives free room back to the file system, and lets SQLite look at the sizes of its tables.
    pub async fn compact(&self) -> Result<(), DatabaseError> {
        for statement in [
            "PRAGMA incremental_vacuum",
            "PRAGMA optimize",
            "PRAGMA wal_checkpoint(TRUNCATE)",
        ] {
            sqlx::query(statement).execute(&self.writer).await?;
        }
        Ok(())
    }

    /// The path of the file.
    pub fn path(&self) -> &std::path::Path {
        self.options.get_filename()
    }

    /// Waits for running statements and closes every connection.
    pub async fn close(&self) {
        self.readers.close().await;
        // Last: the last connection to close moves the write-ahead log into the file.
        self.writer.close().await;
    }
}
