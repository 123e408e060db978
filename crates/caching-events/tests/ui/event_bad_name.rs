//! An event with a name that is none.

use caching_events::DomainEvent;

#[derive(DomainEvent)]
#[event(name = "Invoice Paid")]
struct InvoicePaid;

fn main() {}
