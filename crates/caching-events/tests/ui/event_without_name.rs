//! An event without a name.

use caching_events::DomainEvent;

#[derive(DomainEvent)]
struct InvoicePaid;

fn main() {}
