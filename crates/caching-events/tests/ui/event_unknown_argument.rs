//! An event with an argument that there is not.

use caching_events::DomainEvent;

#[derive(DomainEvent)]
#[event(name = "invoice.paid", tenant = tenant)]
struct InvoicePaid {
    tenant: u64,
}

fn main() {}
