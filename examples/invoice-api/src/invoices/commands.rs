//! The ways in which an invoice changes.
//!
//! Each command is one transaction and, after its commit, one event. Nothing here knows who listens.

use caching_events::{EventBus, UnitOfWork};
use jiff::Timestamp;

use super::{
    Draft, Invoice, InvoiceError, InvoiceId, Status,
    events::{InvoiceCancelled, InvoiceChanged, InvoiceCreated, InvoiceDeleted, InvoicePaid},
    store::{self, NewInvoice},
};
use crate::{
    database::{Database, WriteTransaction},
    tenants::TenantId,
};

/// Changes invoices.
#[derive(Clone, Debug)]
pub struct InvoiceCommands {
    database: Database,
    bus: EventBus,
}

type Work = UnitOfWork<WriteTransaction>;

impl InvoiceCommands {
    /// Changes invoices in this database and tells this bus.
    pub fn new(database: Database, bus: EventBus) -> Self {
        Self { database, bus }
    }

    /// Stores a new, open invoice.
    ///
    /// # Errors
    ///
    /// [`InvoiceError::NumberTaken`] when the tenant has an invoice of this number.
    pub async fn create(&self, tenant: &TenantId, draft: Draft) -> Result<Invoice, InvoiceError> {
        let mut work = self.begin("invoice_create").await?;
        let invoice = draft.into_invoice(InvoiceId::new());
        let new = NewInvoice {
            tenant,
            invoice: &invoice,
            issued_at: &now(),
        };
        if !store::insert(work.tx(), new).await? {
            return Err(InvoiceError::NumberTaken {
                number: invoice.number,
            });
        }
        work.raise(InvoiceCreated::of(tenant, &invoice));
        work.commit().await?;
        Ok(invoice)
    }

    /// Replaces what an invoice holds; its id and status stay, its version grows by one.
    ///
    /// # Errors
    ///
    /// [`InvoiceError::NotFound`], [`InvoiceError::NumberTaken`], and [`InvoiceError::WrongState`] when it is
    /// cancelled.
    pub async fn replace(
        &self,
        tenant: &TenantId,
        id: InvoiceId,
        draft: Draft,
    ) -> Result<Invoice, InvoiceError> {
        let mut work = self.begin("invoice_replace").await?;
        let before = load(&mut work, tenant, id).await?;
        if before.status == Status::Cancelled {
            return Err(InvoiceError::WrongState {
                status: before.status,
                wanted: "changed",
            });
        }
        let after = Invoice {
            status: before.status,
            version: before.version + 1,
            ..draft.into_invoice(id)
        };
        if !store::replace(work.tx(), tenant, &after).await? {
            return Err(InvoiceError::NumberTaken {
                number: after.number,
            });
        }
        work.raise(InvoiceChanged::of(tenant, &before, &after));
        work.commit().await?;
        Ok(after)
    }

    /// Marks an open invoice as paid.
    ///
    /// # Errors
    ///
    /// [`InvoiceError::NotFound`], and [`InvoiceError::WrongState`] when it is not open.
    pub async fn pay(&self, tenant: &TenantId, id: InvoiceId) -> Result<Invoice, InvoiceError> {
        let mut work = self.begin("invoice_pay").await?;
        let invoice = close(&mut work, tenant, id, Status::Paid).await?;
        work.raise(InvoicePaid::of(tenant, &invoice));
        work.commit().await?;
        Ok(invoice)
    }

    /// Marks an open invoice as cancelled.
    ///
    /// # Errors
    ///
    /// [`InvoiceError::NotFound`], and [`InvoiceError::WrongState`] when it is not open.
    pub async fn cancel(&self, tenant: &TenantId, id: InvoiceId) -> Result<Invoice, InvoiceError> {
        let mut work = self.begin("invoice_cancel").await?;
        let invoice = close(&mut work, tenant, id, Status::Cancelled).await?;
        work.raise(InvoiceCancelled::of(tenant, &invoice));
        work.commit().await?;
        Ok(invoice)
    }

    /// Deletes an invoice; its number is free again.
    ///
    /// # Errors
    ///
    /// [`InvoiceError::NotFound`].
    pub async fn delete(&self, tenant: &TenantId, id: InvoiceId) -> Result<(), InvoiceError> {
        let mut work = self.begin("invoice_delete").await?;
        let invoice = load(&mut work, tenant, id).await?;
        store::delete(work.tx(), tenant, id).await?;
        work.raise(InvoiceDeleted::of(tenant, &invoice));
        work.commit().await?;
        Ok(())
    }

    async fn begin(&self, name: &'static str) -> Result<Work, InvoiceError> {
        Ok(self.bus.begin(self.database.write(name).await?))
    }
}

async fn load(work: &mut Work, tenant: &TenantId, id: InvoiceId) -> Result<Invoice, InvoiceError> {
    store::load(work.tx(), tenant, id)
        .await?
        .ok_or(InvoiceError::NotFound)
}

/// Takes an open invoice to where it stays.
async fn close(
    work: &mut Work,
    tenant: &TenantId,
    id: InvoiceId,
    status: Status,
) -> Result<Invoice, InvoiceError> {
    let mut invoice = load(work, tenant, id).await?;
    if invoice.status != Status::Open {
        return Err(InvoiceError::WrongState {
            status: invoice.status,
            wanted: status.as_str(),
        });
    }
    store::set_status(work.tx(), tenant, id, status).await?;
    invoice.status = status;
    invoice.version += 1;
    Ok(invoice)
}

/// The instant in UTC as the lists sort it.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
