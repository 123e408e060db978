//! A generic event.

use caching_events::DomainEvent;

#[derive(DomainEvent)]
#[event(name = "changed")]
struct Changed<T> {
    id: T,
}

fn main() {}
