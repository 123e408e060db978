//! An invalidation without an event.

use caching_core::CacheKey;
use caching_events::{DomainEvent, invalidates};

struct InvoicesModule;

#[derive(DomainEvent)]
#[event(name = "invoice.paid")]
struct InvoicePaid {
    id: u64,
}

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}")]
struct InvoiceKey {
    id: u64,
}

#[invalidates(module = InvoicesModule, tag = "invoices")]
fn invoice_paid() {}

fn main() {}
