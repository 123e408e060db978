//! What happened to an invoice, told after the commit.
//!
//! Each event carries what its listeners need to know which keys and tags are touched, before and after.

use caching_events::DomainEvent;

use super::{Invoice, InvoiceId};
use crate::{customers::CustomerId, tenants::TenantId};

/// An invoice was created, by a client or by an import.
#[derive(Clone, Debug, PartialEq, Eq, DomainEvent)]
#[event(name = "invoice.created", scope = tenant)]
pub struct InvoiceCreated {
    /// Whose invoice.
    pub tenant: TenantId,
    /// Which invoice.
    pub id: InvoiceId,
    /// Its number.
    pub number: String,
    /// Who is billed.
    pub customer_id: Option<CustomerId>,
}

/// An invoice was replaced.
#[derive(Clone, Debug, PartialEq, Eq, DomainEvent)]
#[event(name = "invoice.changed", scope = tenant)]
pub struct InvoiceChanged {
    /// Whose invoice.
    pub tenant: TenantId,
    /// Which invoice.
    pub id: InvoiceId,
    /// Its number now.
    pub number: String,
    /// Its number before.
    pub old_number: String,
    /// Who is billed now.
    pub customer_id: Option<CustomerId>,
    /// Who was billed before.
    pub old_customer_id: Option<CustomerId>,
}

/// An invoice was paid.
#[derive(Clone, Debug, PartialEq, Eq, DomainEvent)]
#[event(name = "invoice.paid", scope = tenant)]
pub struct InvoicePaid {
    /// Whose invoice.
    pub tenant: TenantId,
    /// Which invoice.
    pub id: InvoiceId,
    /// Who is billed.
    pub customer_id: Option<CustomerId>,
}

/// An invoice was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, DomainEvent)]
#[event(name = "invoice.cancelled", scope = tenant)]
pub struct InvoiceCancelled {
    /// Whose invoice.
    pub tenant: TenantId,
    /// Which invoice.
    pub id: InvoiceId,
    /// Who is billed.
    pub customer_id: Option<CustomerId>,
}

/// An invoice was deleted.
#[derive(Clone, Debug, PartialEq, Eq, DomainEvent)]
#[event(name = "invoice.deleted", scope = tenant)]
pub struct InvoiceDeleted {
    /// Whose invoice.
    pub tenant: TenantId,
    /// Which invoice.
    pub id: InvoiceId,
    /// The number that is free again.
    pub number: String,
    /// Who was billed.
    pub customer_id: Option<CustomerId>,
}

impl InvoiceCreated {
    /// The event of this invoice.
    pub fn of(tenant: &TenantId, invoice: &Invoice) -> Self {
        Self {
            tenant: tenant.clone(),
            id: invoice.id,
            number: invoice.number.clone(),
            customer_id: invoice.customer_id.clone(),
        }
    }
}

impl InvoiceChanged {
    /// The event of an invoice that was `before` and is `after`.
    pub fn of(tenant: &TenantId, before: &Invoice, after: &Invoice) -> Self {
        Self {
            tenant: tenant.clone(),
            id: after.id,
            number: after.number.clone(),
            old_number: before.number.clone(),
            customer_id: after.customer_id.clone(),
            old_customer_id: before.customer_id.clone(),
        }
    }
}

impl InvoicePaid {
    /// The event of this invoice.
    pub fn of(tenant: &TenantId, invoice: &Invoice) -> Self {
        Self {
            tenant: tenant.clone(),
            id: invoice.id,
            customer_id: invoice.customer_id.clone(),
        }
    }
}

impl InvoiceCancelled {
    /// The event of this invoice.
    pub fn of(tenant: &TenantId, invoice: &Invoice) -> Self {
        Self {
            tenant: tenant.clone(),
            id: invoice.id,
            customer_id: invoice.customer_id.clone(),
        }
    }
}

impl InvoiceDeleted {
    /// The event of this invoice.
    pub fn of(tenant: &TenantId, invoice: &Invoice) -> Self {
        Self {
            tenant: tenant.clone(),
            id: invoice.id,
            number: invoice.number.clone(),
            customer_id: invoice.customer_id.clone(),
        }
    }
}
