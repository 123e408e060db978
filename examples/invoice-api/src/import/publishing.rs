//! The second phase: invoices move into place, each with all its rows.

use caching_events::EventBus;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{ImportError, ImportObserver, Phase};
use crate::{
    customers::CustomerId,
    database::{Database, DatabaseError, WriteTransaction},
    invoices::{
        Amount, Currency, Invoice, InvoiceId, Line, MAX_LINES, NewInvoice, Status,
        events::InvoiceCreated, insert, total,
    },
    tenants::{self, TenantId},
};

/// Invoices of one commit.
const INVOICES: i64 = 250;

/// Rows of one commit, unless a single invoice has more.
const ROWS: u64 = 10_000;

/// Moves invoices into place until no row waits.
pub(super) async fn run(
    database: &Database,
    bus: &EventBus,
    digest: &str,
    observer: &mut dyn ImportObserver,
) -> Result<(), ImportError> {
    observer.begin(Phase::Publishing, waiting(database, digest).await?);
    let mut moved = 0;
    loop {
        let mut work = bus.begin(database.write("import_publish").await?);
        let heads = heads(work.tx(), digest).await?;
        let (Some(first), Some(last)) = (heads.first(), heads.last()) else {
            return finish(work.rollback(), digest).await;
        };
        let range = Range {
            digest,
            first,
            last,
        };
        let mut lines = range.take(work.tx()).await?.into_iter();
        let mut stored = Stored::default();
        for head in &heads {
            let rows = lines.by_ref().take(head.rows as usize);
            match head.publish(work.tx(), rows.collect()).await? {
                Ok(invoice) => {
                    stored.invoices += 1;
                    stored.lines += invoice.lines.len() as i64;
                    work.raise(InvoiceCreated::of(&head.tenant, &invoice));
                }
                Err(reason) => {
                    stored.refused += 1;
                    observer.refused(head.tenant.as_str(), &head.number, &reason);
                }
            }
            moved += head.rows;
        }
        stored.note(work.tx(), digest).await?;
        work.commit().await.map_err(DatabaseError::from)?;
        observer.progress(moved);
    }
}

/// What one commit stores.
#[derive(Default)]
struct Stored {
    invoices: i64,
    lines: i64,
    refused: i64,
}

impl Stored {
    async fn note(
        &self,
        transaction: &mut WriteTransaction,
        digest: &str,
    ) -> Result<(), ImportError> {
        sqlx::query(
            "UPDATE import
             SET invoices = invoices + ?2, lines = lines + ?3, refused = refused + ?4
             WHERE fingerprint = ?1",
        )
        .bind(digest)
        .bind(self.invoices)
        .bind(self.lines)
        .bind(self.refused)
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }
}

/// An invoice whose rows wait.
struct Head {
    tenant: TenantId,
    tenant_name: String,
    number: String,
    issued_at: String,
    rows: u64,
}

/// A row that waits: who is billed, and for what.
struct Waiting {
    customer_id: Option<CustomerId>,
    line: Line,
}

impl Head {
    fn read(row: &SqliteRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            tenant: TenantId::parse(row.try_get(0)?)
                .map_err(|error| DatabaseError::Corrupt(format!("import tenant: {error}")))?,
            tenant_name: row.try_get(1)?,
            number: row.try_get(2)?,
            issued_at: row.try_get(3)?,
            rows: row.try_get::<i64, _>(4)?.unsigned_abs(),
        })
    }

    fn is_too_long(&self) -> bool {
        self.rows > MAX_LINES as u64
    }

    /// Stores the invoice, or says why not.
    async fn publish(
        &self,
        transaction: &mut WriteTransaction,
        rows: Vec<Waiting>,
    ) -> Result<Result<Invoice, String>, DatabaseError> {
        let invoice = match self.invoice(rows) {
            Ok(invoice) => invoice,
            Err(reason) => return Ok(Err(reason)),
        };
        tenants::add(transaction, &self.tenant, &self.tenant_name).await?;
        let new = NewInvoice {
            tenant: &self.tenant,
            invoice: &invoice,
            issued_at: &self.issued_at,
        };
        if insert(transaction, new).await? {
            Ok(Ok(invoice))
        } else {
            Ok(Err("the tenant has this number already".to_owned()))
        }
    }

    fn invoice(&self, rows: Vec<Waiting>) -> Result<Invoice, String> {
        if self.is_too_long() {
            return Err(format!("it has more than {MAX_LINES} lines"));
        }
        let customer_id = rows.iter().find_map(|row| row.customer_id.clone());
        let lines: Vec<Line> = rows.into_iter().map(|row| row.line).collect();
        Ok(Invoice {
            id: InvoiceId::imported(&self.tenant, &self.number),
            number: self.number.clone(),
            customer_id,
            currency: Currency::GBP,
            status: status(&self.number),
            total: total(&lines).map_err(|error| format!("its total {error}"))?,
            lines,
            version: 1,
        })
    }
}

/// In the data set a cancellation is an invoice of its own, whose number starts with `C`.
fn status(number: &str) -> Status {
    if number.starts_with('C') {
        Status::Cancelled
    } else {
        Status::Open
    }
}

/// The next invoices, as many as fit in one commit.
async fn heads(transaction: &mut WriteTransaction, digest: &str) -> Result<Vec<Head>, ImportError> {
    let rows = sqlx::query(
        "SELECT tenant, max(tenant_name), number, min(issued_at), count(*)
         FROM import_row WHERE fingerprint = ?1
         GROUP BY tenant, number ORDER BY tenant, number LIMIT ?2",
    )
    .bind(digest)
    .bind(INVOICES)
    .fetch_all(&mut **transaction)
    .await?;
    let mut heads = Vec::with_capacity(rows.len());
    let mut total = 0;
    for row in &rows {
        let head = Head::read(row)?;
        total += head.rows;
        // One that is too long for an invoice comes alone, and its rows are not even read.
        let is_alone = head.is_too_long() || heads.last().is_some_and(Head::is_too_long);
        if (is_alone || total > ROWS) && !heads.is_empty() {
            break;
        }
        heads.push(head);
    }
    Ok(heads)
}

/// The rows of all invoices from one to another.
struct Range<'a> {
    digest: &'a str,
    first: &'a Head,
    last: &'a Head,
}

impl Range<'_> {
    /// Takes the rows out of the waiting, in the order of invoices and of the file.
    async fn take(&self, transaction: &mut WriteTransaction) -> Result<Vec<Waiting>, ImportError> {
        let rows = if self.first.is_too_long() {
            Vec::new()
        } else {
            self.select(transaction).await?
        };
        sqlx::query(
            "DELETE FROM import_row
             WHERE fingerprint = ?1 AND (tenant, number) >= (?2, ?3) AND (tenant, number) <= (?4, ?5)",
        )
        .bind(self.digest)
        .bind(self.first.tenant.as_str())
        .bind(&self.first.number)
        .bind(self.last.tenant.as_str())
        .bind(&self.last.number)
        .execute(&mut **transaction)
        .await?;
        rows.iter().map(|row| Ok(Waiting::read(row)?)).collect()
    }

    async fn select(
        &self,
        transaction: &mut WriteTransaction,
    ) -> Result<Vec<SqliteRow>, ImportError> {
        let rows = sqlx::query(
            "SELECT customer_id, sku, description, quantity, unit_price FROM import_row
             WHERE fingerprint = ?1 AND (tenant, number) >= (?2, ?3) AND (tenant, number) <= (?4, ?5)
             ORDER BY tenant, number, line",
        )
        .bind(self.digest)
        .bind(self.first.tenant.as_str())
        .bind(&self.first.number)
        .bind(self.last.tenant.as_str())
        .bind(&self.last.number)
        .fetch_all(&mut **transaction)
        .await?;
        Ok(rows)
    }
}

impl Waiting {
    fn read(row: &SqliteRow) -> Result<Self, DatabaseError> {
        let corrupt = |what: String| DatabaseError::Corrupt(format!("import row: {what}"));
        let unit_price: i64 = row.try_get(4)?;
        Ok(Self {
            customer_id: row
                .try_get::<Option<&str>, _>(0)?
                .map(str::parse)
                .transpose()
                .map_err(|error| corrupt(format!("customer_id {error}")))?,
            line: Line {
                sku: row.try_get(1)?,
                description: row.try_get(2)?,
                quantity: row.try_get(3)?,
                unit_price: Amount::from_ten_thousandths(unit_price.into())
                    .map_err(|error| corrupt(format!("unit_price {error}")))?,
            },
        })
    }
}

async fn waiting(database: &Database, digest: &str) -> Result<u64, ImportError> {
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM import_row WHERE fingerprint = ?1")
        .bind(digest)
        .fetch_one(database.reads("import_waiting"))
        .await?;
    Ok(rows.unsigned_abs())
}

async fn finish(mut transaction: WriteTransaction, digest: &str) -> Result<(), ImportError> {
    sqlx::query("UPDATE import SET phase = 'done' WHERE fingerprint = ?1")
        .bind(digest)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
