//! An event whose scope is a text, which could be anything.

use caching_events::DomainEvent;

#[derive(DomainEvent)]
#[event(name = "invoice.paid", scope = tenant)]
struct InvoicePaid {
    tenant: String,
}

fn main() {}
