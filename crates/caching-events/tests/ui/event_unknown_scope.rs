//! An event of a field that it does not have.

use caching_events::DomainEvent;

#[derive(DomainEvent)]
#[event(name = "invoice.paid", scope = tenant)]
struct InvoicePaid {
    tenant_id: u64,
    id: u64,
}

fn main() {}
