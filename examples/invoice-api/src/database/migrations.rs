//! The tables, version by version.

use sqlx::{
    ConnectOptions, Connection,
    sqlite::{SqliteConnectOptions, SqliteConnection},
};

use super::DatabaseError;

/// One script a version; the file's `user_version` says how many have run.
const SCRIPTS: [&str; 1] = [include_str!("migrations/0001_initial.sql")];

/// Runs the scripts that the file has not seen. Two processes may do so at once: each script runs under
/// the write lock and looks at the version after it got the lock.
pub(super) async fn run(options: &SqliteConnectOptions) -> Result<(), DatabaseError> {
    let open = |source| DatabaseError::Open {
        path: options.get_filename().to_owned(),
        source,
    };
    let mut connection = options.connect().await.map_err(open)?;
    let found = version(&mut connection).await.map_err(open)?;
    let known = SCRIPTS.len() as i64;
    if found > known {
        return Err(DatabaseError::TooNew {
            path: options.get_filename().to_owned(),
            found,
            known,
        });
    }
    for (script, number) in SCRIPTS.iter().zip(1..) {
        upgrade(&mut connection, script, number)
            .await
            .map_err(open)?;
    }
    connection.close().await.map_err(open)
}

async fn upgrade(
    connection: &mut SqliteConnection,
    script: &'static str,
    number: i64,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    if version(&mut transaction).await? >= number {
        return transaction.rollback().await;
    }
    sqlx::raw_sql(script).execute(&mut *transaction).await?;
    transaction.commit().await
}

async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(connection)
        .await
}
