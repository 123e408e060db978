//! One tag where several are expected.

use caching_core::{CacheKey, Tag};
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

#[invalidates(module = InvoicesModule, tags = Tag::of("invoice", &event.id))]
fn invoice_paid(event: &InvoicePaid) {}

fn main() {}
