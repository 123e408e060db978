//! A handler that cannot fail.

use caching_core::CacheKey;
use caching_events::{DomainEvent, event_handler};

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

#[event_handler(module = InvoicesModule)]
async fn notify(event: &InvoicePaid) {}

fn main() {}
