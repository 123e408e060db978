//! A generic handler.

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
async fn notify<E: DomainEvent>(event: &E) -> Result<(), HandlerError> {
    Ok(())
}

fn main() {}
