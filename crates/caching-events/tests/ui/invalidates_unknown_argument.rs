//! An invalidation with an argument that there is not.

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

#[invalidates(module = InvoicesModule, kind = "invoice")]
fn invoice_paid(event: &InvoicePaid) {}

fn main() {}
