//! What the cache forgets about customers when something has happened to an invoice of theirs.

use caching_events::invalidates;

use super::{CustomersModule, keys::customer_tag};
use crate::invoices::events::{
    InvoiceCancelled, InvoiceChanged, InvoiceCreated, InvoiceDeleted, InvoicePaid,
};

#[invalidates(module = CustomersModule, tags = event.customer_id.as_ref().map(customer_tag))]
fn invoice_created(event: &InvoiceCreated) {}

// Both: the invoice leaves the lists of the one and enters those of the other.
#[invalidates(
    module = CustomersModule,
    tags = event.customer_id.as_ref().map(customer_tag),
    tags = event.old_customer_id.as_ref().map(customer_tag),
)]
fn invoice_changed(event: &InvoiceChanged) {}

#[invalidates(module = CustomersModule, tags = event.customer_id.as_ref().map(customer_tag))]
fn invoice_paid(event: &InvoicePaid) {}

#[invalidates(module = CustomersModule, tags = event.customer_id.as_ref().map(customer_tag))]
fn invoice_cancelled(event: &InvoiceCancelled) {}

#[invalidates(module = CustomersModule, tags = event.customer_id.as_ref().map(customer_tag))]
fn invoice_deleted(event: &InvoiceDeleted) {}
