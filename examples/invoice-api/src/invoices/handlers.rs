//! What the cache forgets about invoices when something has happened to one.

use caching_events::invalidates;

use super::{
    InvoicesModule,
    events::{InvoiceCancelled, InvoiceChanged, InvoiceCreated, InvoiceDeleted, InvoicePaid},
    keys::{InvoiceKey, InvoiceNumberKey},
};

// A new invoice may have been asked for before, by id or by number, and "there is none" been kept.
#[invalidates(
    module = InvoicesModule,
    key = InvoiceKey { id: event.id },
    key = InvoiceNumberKey { number: event.number.clone() },
)]
fn invoice_created(event: &InvoiceCreated) {}

#[invalidates(
    module = InvoicesModule,
    key = InvoiceKey { id: event.id },
    key = InvoiceNumberKey { number: event.number.clone() },
    key = InvoiceNumberKey { number: event.old_number.clone() },
)]
fn invoice_changed(event: &InvoiceChanged) {}

#[invalidates(module = InvoicesModule, key = InvoiceKey { id: event.id })]
fn invoice_paid(event: &InvoicePaid) {}

#[invalidates(module = InvoicesModule, key = InvoiceKey { id: event.id })]
fn invoice_cancelled(event: &InvoiceCancelled) {}

#[invalidates(
    module = InvoicesModule,
    key = InvoiceKey { id: event.id },
    key = InvoiceNumberKey { number: event.number.clone() },
)]
fn invoice_deleted(event: &InvoiceDeleted) {}
