//! The tables of an import: what was read, how far it went, which rows wait.

use serde_json::{Value, json};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{ImportError, ImportReport, reading::Batch, row::Row};
use crate::{
    database::{Database, DatabaseError},
    invoices::stored_price,
};

/// How far an import went.
pub(super) struct State {
    pub(super) phase: Step,
    /// Records that were read and committed.
    pub(super) records: u64,
    pub(super) report: ImportReport,
}

/// What an import does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Reading,
    Publishing,
    Done,
}

/// The state of the import of a file, begun here when there was none.
pub(super) async fn claim(database: &Database, digest: &str) -> Result<State, ImportError> {
    let mut transaction = database.write("import_claim").await?;
    sqlx::query("INSERT OR IGNORE INTO import (fingerprint, phase) VALUES (?1, 'reading')")
        .bind(digest)
        .execute(&mut *transaction)
        .await?;
    let row = sqlx::query(
        "SELECT phase, records, invoices, lines, skipped, refused FROM import WHERE fingerprint = ?1",
    )
    .bind(digest)
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let phase = match row.try_get(0)? {
        "reading" => Step::Reading,
        "publishing" => Step::Publishing,
        _ => Step::Done,
    };
    Ok(State {
        phase,
        records: count(&row, 1)?,
        report: ImportReport {
            invoices: count(&row, 2)?,
            lines: count(&row, 3)?,
            skipped: count(&row, 4)?,
            refused: count(&row, 5)?,
        },
    })
}

fn count(row: &SqliteRow, index: usize) -> Result<u64, sqlx::Error> {
    row.try_get::<i64, _>(index).map(i64::unsigned_abs)
}

/// Sets a batch of rows aside, in the same commit as how far the file was read.
pub(super) async fn set_aside(
    database: &Database,
    digest: &str,
    already: u64,
    batch: &Batch,
) -> Result<(), ImportError> {
    let mut transaction = database.write("import_set_aside").await?;
    let moved = sqlx::query(
        "UPDATE import SET records = ?3, skipped = skipped + ?4
         WHERE fingerprint = ?1 AND phase = 'reading' AND records = ?2",
    )
    .bind(digest)
    .bind(already.cast_signed())
    .bind(batch.records.cast_signed())
    .bind(batch.bad.len() as i64)
    .execute(&mut *transaction)
    .await?;
    if moved.rows_affected() == 0 {
        return Err(ImportError::Elsewhere);
    }
    let rows = batch.rows.iter().map(as_json).collect::<Result<_, _>>()?;
    sqlx::query(
        "INSERT INTO import_row (fingerprint, line, tenant, tenant_name, number, customer_id, issued_at,
                                 sku, description, quantity, unit_price)
         SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
                value ->> 6, value ->> 7, value ->> 8, value ->> 9
         FROM json_each(?2)",
    )
    .bind(digest)
    .bind(Value::Array(rows).to_string())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

fn as_json(row: &Row) -> Result<Value, DatabaseError> {
    Ok(json!([
        row.line,
        row.tenant.as_str(),
        row.tenant_name,
        row.number,
        row.customer_id,
        row.issued_at,
        row.item.sku,
        row.item.description,
        row.item.quantity,
        stored_price(&row.item)?,
    ]))
}

/// Notes that the file was read to its end.
pub(super) async fn all_read(database: &Database, digest: &str) -> Result<(), ImportError> {
    let mut transaction = database.write("import_all_read").await?;
    sqlx::query(
        "UPDATE import SET phase = 'publishing' WHERE fingerprint = ?1 AND phase = 'reading'",
    )
    .bind(digest)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(())
}

/// Drops what was read of a file that turned out to be another.
pub(super) async fn forget(database: &Database, digest: &str) -> Result<(), ImportError> {
    let mut transaction = database.write("import_forget").await?;
    sqlx::query("DELETE FROM import_row WHERE fingerprint = ?1")
        .bind(digest)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("DELETE FROM import WHERE fingerprint = ?1")
        .bind(digest)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Gives the room of the rows that were set aside back to the file system, and lets SQLite look at the new
/// sizes of its tables before it plans the next query.
pub(super) async fn tidy(database: &Database) -> Result<(), ImportError> {
    database.compact().await?;
    Ok(())
}
