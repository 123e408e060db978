//! The statements that change invoices. Each runs inside the transaction it is given.

use serde_json::Value;
use sqlx::SqliteConnection;

use super::{Invoice, InvoiceId, Line, Status, queries};
use crate::{database::DatabaseError, tenants::TenantId};

/// An invoice that is not in the database yet.
pub(crate) struct NewInvoice<'a> {
    /// Whose invoice.
    pub(crate) tenant: &'a TenantId,
    /// What it holds.
    pub(crate) invoice: &'a Invoice,
    /// When it was issued, as the lists sort it: `2010-12-01T08:26:00`.
    pub(crate) issued_at: &'a str,
}

/// Stores an invoice with its lines. `false`, and nothing stored, when the tenant has the number or the id
/// already.
pub(crate) async fn insert(
    transaction: &mut SqliteConnection,
    new: NewInvoice<'_>,
) -> Result<bool, DatabaseError> {
    let NewInvoice {
        tenant,
        invoice,
        issued_at,
    } = new;
    let stored = sqlx::query(
        "INSERT INTO invoice (tenant, id, number, customer_id, currency, status, issued_at, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO NOTHING",
    )
    .bind(tenant.as_str())
    .bind(invoice.id.to_string())
    .bind(&invoice.number)
    .bind(invoice.customer_id.as_ref().map(|id| id.as_str()))
    .bind(invoice.currency.to_string())
    .bind(invoice.status.as_str())
    .bind(issued_at)
    .bind(invoice.version)
    .execute(&mut *transaction)
    .await?;
    if stored.rows_affected() == 0 {
        return Ok(false);
    }
    insert_lines(transaction, stored.last_insert_rowid(), &invoice.lines).await?;
    Ok(true)
}

/// Reads an invoice under the write lock, so that it cannot change before it is written back.
pub(super) async fn load(
    transaction: &mut SqliteConnection,
    tenant: &TenantId,
    id: InvoiceId,
) -> Result<Option<Invoice>, DatabaseError> {
    Ok(queries::select(transaction, tenant, &[id]).await?.pop())
}

/// Writes back an invoice whose number, customer, currency or lines have changed. `false`, and nothing
/// written, when another invoice has the number.
pub(super) async fn replace(
    transaction: &mut SqliteConnection,
    tenant: &TenantId,
    invoice: &Invoice,
) -> Result<bool, DatabaseError> {
    let seq: Option<i64> = sqlx::query_scalar(
        "UPDATE OR IGNORE invoice
         SET number = ?3, customer_id = ?4, currency = ?5, version = ?6
         WHERE tenant = ?1 AND id = ?2 AND version = ?6 - 1
         RETURNING seq",
    )
    .bind(tenant.as_str())
    .bind(invoice.id.to_string())
    .bind(&invoice.number)
    .bind(invoice.customer_id.as_ref().map(|id| id.as_str()))
    .bind(invoice.currency.to_string())
    .bind(invoice.version)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(seq) = seq else {
        return Ok(false);
    };
    sqlx::query("DELETE FROM invoice_line WHERE invoice = ?1")
        .bind(seq)
        .execute(&mut *transaction)
        .await?;
    insert_lines(transaction, seq, &invoice.lines).await?;
    Ok(true)
}

/// Writes back an invoice whose status has changed.
pub(super) async fn set_status(
    transaction: &mut SqliteConnection,
    tenant: &TenantId,
    id: InvoiceId,
    status: Status,
) -> Result<(), DatabaseError> {
    sqlx::query(
        "UPDATE invoice SET status = ?3, version = version + 1 WHERE tenant = ?1 AND id = ?2",
    )
    .bind(tenant.as_str())
    .bind(id.to_string())
    .bind(status.as_str())
    .execute(transaction)
    .await?;
    Ok(())
}

/// Deletes an invoice and its lines.
pub(super) async fn delete(
    transaction: &mut SqliteConnection,
    tenant: &TenantId,
    id: InvoiceId,
) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM invoice WHERE tenant = ?1 AND id = ?2")
        .bind(tenant.as_str())
        .bind(id.to_string())
        .execute(transaction)
        .await?;
    Ok(())
}

/// All lines by one statement: a round trip a line would hold the write lock for as many.
async fn insert_lines(
    transaction: &mut SqliteConnection,
    seq: i64,
    lines: &[Line],
) -> Result<(), DatabaseError> {
    let rows: Vec<Value> = lines.iter().map(row).collect::<Result<_, _>>()?;
    sqlx::query(
        "INSERT INTO invoice_line (invoice, position, sku, description, quantity, unit_price)
         SELECT ?1, key, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?2)",
    )
    .bind(seq)
    .bind(Value::Array(rows).to_string())
    .execute(transaction)
    .await?;
    Ok(())
}

fn row(line: &Line) -> Result<Value, DatabaseError> {
    Ok(serde_json::json!([
        line.sku,
        line.description,
        line.quantity,
        stored_price(line)?
    ]))
}

/// The price of a line as its column holds it.
pub(crate) fn stored_price(line: &Line) -> Result<i64, DatabaseError> {
    i64::try_from(line.unit_price.ten_thousandths())
        .map_err(|_| DatabaseError::Corrupt("a price beyond the limit of a line".to_owned()))
}
