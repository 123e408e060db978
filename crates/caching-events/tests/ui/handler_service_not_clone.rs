//! A handler with a parameter that cannot be a service.

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

struct Mailer;

#[event_handler(module = InvoicesModule)]
async fn notify(_event: &InvoicePaid, _mailer: Mailer) -> Result<(), HandlerError> {
    Ok(())
}

fn main() {}
