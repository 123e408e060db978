//! The statements that read invoices.

use sqlx::{Row, SqliteExecutor, sqlite::SqliteRow};

use super::{Amount, Currency, Invoice, InvoiceId, Line, Status, total};
use crate::{
    customers::CustomerId,
    database::{Database, DatabaseError},
    tenants::TenantId,
};

/// Reads invoices from the database, one query a call.
#[derive(Clone, Debug)]
pub struct InvoiceQueries {
    database: Database,
}

impl InvoiceQueries {
    /// Reads from this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// One invoice.
    pub async fn by_id(
        &self,
        tenant: &TenantId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, DatabaseError> {
        let reads = self.database.reads("invoice_by_id");
        Ok(select(reads, tenant, &[id]).await?.pop())
    }

    /// Several invoices; those that the tenant does not have are left out, and the order is the database's.
    pub async fn by_ids(
        &self,
        tenant: &TenantId,
        ids: &[InvoiceId],
    ) -> Result<Vec<Invoice>, DatabaseError> {
        let reads = self.database.reads("invoices_by_ids");
        select(reads, tenant, ids).await
    }

    /// The id of the invoice of this number.
    pub async fn id_by_number(
        &self,
        tenant: &TenantId,
        number: &str,
    ) -> Result<Option<InvoiceId>, DatabaseError> {
        sqlx::query_scalar::<_, String>("SELECT id FROM invoice WHERE tenant = ?1 AND number = ?2")
            .bind(tenant.as_str())
            .bind(number)
            .fetch_optional(self.database.reads("invoice_id_by_number"))
            .await?
            .map(|id| parse_id(&id))
            .transpose()
    }
}

/// Invoices with their lines, by one query.
pub(super) async fn select<'c>(
    executor: impl SqliteExecutor<'c>,
    tenant: &TenantId,
    ids: &[InvoiceId],
) -> Result<Vec<Invoice>, DatabaseError> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rows = sqlx::query(
        "SELECT i.id, i.number, i.customer_id, i.currency, i.status, i.version,
                l.sku, l.description, l.quantity, l.unit_price
         FROM invoice AS i JOIN invoice_line AS l ON l.invoice = i.seq
         WHERE i.tenant = ?1 AND i.id IN (SELECT value FROM json_each(?2))
         ORDER BY i.seq, l.position",
    )
    .bind(tenant.as_str())
    .bind(serde_json::json!(ids).to_string())
    .fetch_all(executor)
    .await?;
    let mut invoices: Vec<Invoice> = Vec::with_capacity(ids.len());
    for row in &rows {
        let id = parse_id(row.try_get(0)?)?;
        // A join repeats the invoice on each of its lines, and the order keeps them together.
        match invoices.last_mut() {
            Some(invoice) if invoice.id == id => invoice.lines.push(line(row)?),
            _ => invoices.push(head(id, row)?),
        }
    }
    for invoice in &mut invoices {
        invoice.total = total(&invoice.lines).map_err(|error| corrupt("lines", error))?;
    }
    Ok(invoices)
}

/// The invoice of a row, with that row's line and without a total.
fn head(id: InvoiceId, row: &SqliteRow) -> Result<Invoice, DatabaseError> {
    let customer_id = row
        .try_get::<Option<&str>, _>(2)?
        .map(str::parse::<CustomerId>)
        .transpose()
        .map_err(|error| corrupt("customer_id", error))?;
    let status: &str = row.try_get(4)?;
    Ok(Invoice {
        id,
        number: row.try_get(1)?,
        customer_id,
        currency: Currency::parse(row.try_get(3)?).map_err(|error| corrupt("currency", error))?,
        status: Status::from_word(status).ok_or_else(|| corrupt("status", "unknown"))?,
        lines: vec![line(row)?],
        total: Amount::ZERO,
        version: row.try_get(5)?,
    })
}

fn line(row: &SqliteRow) -> Result<Line, DatabaseError> {
    let unit_price: i64 = row.try_get(9)?;
    Ok(Line {
        sku: row.try_get(6)?,
        description: row.try_get(7)?,
        quantity: row.try_get(8)?,
        unit_price: Amount::from_ten_thousandths(unit_price.into())
            .map_err(|error| corrupt("unit_price", error))?,
    })
}

pub(crate) fn parse_id(text: &str) -> Result<InvoiceId, DatabaseError> {
    text.parse().map_err(|error| corrupt("id", error))
}

fn corrupt(column: &str, error: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Corrupt(format!("invoice {column}: {error}"))
}
