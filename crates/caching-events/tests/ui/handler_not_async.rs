//! A handler that is not async.

use caching_core::CacheKey;
use caching_events::{DomainEvent, HandlerError, event_handler};

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
fn notify(event: &InvoicePaid) -> Result<(), HandlerError> {
    Ok(())
}

fn main() {}
