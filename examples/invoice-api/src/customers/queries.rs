//! The statements that read a customer's invoices and their sums.

use sqlx::{Row, sqlite::SqliteRow};

use super::{CurrencySummary, CustomerId, Summary};
use crate::{
    database::{Database, DatabaseError},
    http::Page,
    invoices::{Amount, Currency, InvoiceId, parse_id},
    tenants::TenantId,
};

/// Reads what belongs to a customer from the database, one query a call.
#[derive(Clone, Debug)]
pub struct CustomerQueries {
    database: Database,
}

impl CustomerQueries {
    /// Reads from this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// The ids of one page of a customer's invoices, the latest first.
    pub async fn invoice_ids(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
        page: Page,
    ) -> Result<Vec<InvoiceId>, DatabaseError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM invoice WHERE tenant = ?1 AND customer_id = ?2
             ORDER BY issued_at DESC, id DESC LIMIT ?3 OFFSET ?4",
        )
        .bind(tenant.as_str())
        .bind(customer.as_str())
        .bind(page.limit())
        .bind(page.offset())
        .fetch_all(self.database.reads("customer_invoice_ids"))
        .await?;
        ids.iter().map(|id| parse_id(id)).collect()
    }

    /// What the customer was billed and still owes, added up from every line: the expensive one.
    pub async fn summary(
        &self,
        tenant: &TenantId,
        customer: &CustomerId,
    ) -> Result<Summary, DatabaseError> {
        // Amounts are added up in two halves, billions and the rest: `sum` fails where one integer would
        // overflow, and a thousand of the largest invoices would.
        let rows = sqlx::query(
            "WITH line AS (
                 SELECT i.seq, i.currency, l.quantity * l.unit_price AS amount,
                        CASE i.status WHEN 'open' THEN l.quantity * l.unit_price ELSE 0 END AS open
                 FROM invoice AS i JOIN invoice_line AS l ON l.invoice = i.seq
                 WHERE i.tenant = ?1 AND i.customer_id = ?2)
             SELECT currency, count(DISTINCT seq),
                    sum(amount / 1000000000), sum(amount % 1000000000),
                    sum(open / 1000000000), sum(open % 1000000000)
             FROM line GROUP BY currency ORDER BY currency",
        )
        .bind(tenant.as_str())
        .bind(customer.as_str())
        .fetch_all(self.database.reads("customer_summary"))
        .await?;
        let parts = rows.iter().map(part).collect::<Result<_, _>>()?;
        Summary::of(customer.clone(), parts).map_err(corrupt)
    }
}

fn part(row: &SqliteRow) -> Result<CurrencySummary, DatabaseError> {
    let invoices: i64 = row.try_get(1)?;
    Ok(CurrencySummary {
        currency: Currency::parse(row.try_get(0)?).map_err(corrupt)?,
        invoices: invoices.unsigned_abs(),
        total: halves(row.try_get(2)?, row.try_get(3)?)?,
        outstanding: halves(row.try_get(4)?, row.try_get(5)?)?,
    })
}

fn halves(billions: i64, rest: i64) -> Result<Amount, DatabaseError> {
    let count = i128::from(billions) * 1_000_000_000 + i128::from(rest);
    Amount::from_ten_thousandths(count).map_err(corrupt)
}

fn corrupt(error: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Corrupt(format!("summary: {error}"))
}
