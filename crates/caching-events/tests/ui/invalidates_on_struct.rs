//! An invalidation on the event itself.

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
struct InvoiceChanged {
    id: u64,
}

fn main() {}
