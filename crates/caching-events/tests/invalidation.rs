//! What `#[invalidates]` can say, and what the cache forgets by it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use caching_core::{CacheKey, HybridCache, Tag};
use caching_events::{DomainEvent, EventBus, Handler, invalidates};
use common::cache;

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}")]
struct InvoiceKey {
    id: u64,
}

#[derive(CacheKey)]
#[cache_key(kind = "customer", value = String, template = "{id}")]
struct CustomerKey {
    id: u64,
}

#[derive(DomainEvent)]
#[event(name = "invoice.moved")]
struct InvoiceMoved {
    id: u64,
    old_customer: Option<u64>,
    customer: Option<u64>,
}

const MOVED: InvoiceMoved = InvoiceMoved {
    id: 7,
    old_customer: Some(17),
    customer: Some(18),
};

/// Invoices 7 and 8; customers 17, 18 and 19, each with their tag.
async fn filled() -> HybridCache {
    let cache = cache();
    for id in [7, 8] {
        let set = cache.set(&InvoiceKey { id }, "open".to_owned()).await;
        set.unwrap().accept_queued();
    }
    for id in [17, 18, 19] {
        let set = cache
            .set(&CustomerKey { id }, "ann".to_owned())
            .tags([Tag::of("customer", &id)])
            .await;
        set.unwrap().accept_queued();
    }
    cache
}

/// The ids that are left once the event was published.
async fn left(handler: Handler, event: InvoiceMoved) -> Vec<u64> {
    let cache = filled().await;
    let bus = EventBus::builder()
        .handler(handler)
        .build(cache.clone())
        .unwrap();
    bus.publish(event).await.unwrap();
    let mut left = Vec::new();
    for id in [7, 8] {
        left.extend(cache.peek(&InvoiceKey { id }).unwrap().map(|_| id));
    }
    for id in [17, 18, 19] {
        left.extend(cache.peek(&CustomerKey { id }).unwrap().map(|_| id));
    }
    left
}

#[tokio::test(start_paused = true)]
async fn one_key_and_one_tag_go_by_name() {
    #[invalidates(manual, key = InvoiceKey { id: event.id }, tag = Tag::of("customer", &17))]
    fn moved(event: &InvoiceMoved) {}
    assert_eq!(left(moved::HANDLER, MOVED).await, [8, 18, 19]);
}

#[tokio::test(start_paused = true)]
async fn several_keys_of_several_types_go_together() {
    #[invalidates(
        manual,
        key = InvoiceKey { id: event.id },
        key = InvoiceKey { id: event.id + 1 },
        keys = [CustomerKey { id: 19 }]
    )]
    fn moved(event: &InvoiceMoved) {}
    assert_eq!(left(moved::HANDLER, MOVED).await, [17, 18]);
}

#[tokio::test(start_paused = true)]
async fn tags_come_from_options_and_iterators_the_old_and_the_new() {
    #[invalidates(
        manual,
        tags = [event.old_customer, event.customer]
            .into_iter()
            .flatten()
            .map(|customer| Tag::of("customer", &customer)),
        keys = event.old_customer.map(|_| InvoiceKey { id: event.id }),
    )]
    fn moved(event: &InvoiceMoved) {}
    assert_eq!(left(moved::HANDLER, MOVED).await, [8, 19]);

    let created = InvoiceMoved {
        old_customer: None,
        ..MOVED
    };
    assert_eq!(left(moved::HANDLER, created).await, [7, 8, 17, 19]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_names_nothing_touches_nothing_and_counts_as_applied() {
    #[invalidates(manual, keys = event.customer.map(|id| CustomerKey { id }))]
    fn moved(event: &InvoiceMoved) {}
    let nobody = InvoiceMoved {
        customer: None,
        ..MOVED
    };
    assert_eq!(left(moved::HANDLER, nobody).await, [7, 8, 17, 18, 19]);
}

#[tokio::test(start_paused = true)]
async fn expire_keeps_the_value_as_a_fallback_and_remove_does_not() {
    #[invalidates(manual, expire, key = InvoiceKey { id: event.id })]
    fn expires(event: &InvoiceMoved) {}
    #[invalidates(manual, key = InvoiceKey { id: event.id + 1 })]
    fn removes(event: &InvoiceMoved) {}

    let cache = filled().await;
    let bus = EventBus::builder()
        .handlers([expires::HANDLER, removes::HANDLER])
        .build(cache.clone())
        .unwrap();
    bus.publish(MOVED).await.unwrap();

    let stale = async |id| {
        let key = InvoiceKey { id };
        cache.get(&key).allow_stale().await.unwrap().is_some()
    };
    assert!(cache.get(&InvoiceKey { id: 7 }).await.unwrap().is_none());
    assert!(stale(7).await);
    assert!(!stale(8).await);
}

#[tokio::test(start_paused = true)]
async fn the_name_of_the_parameter_is_free() {
    #[invalidates(manual, key = InvoiceKey { id: moved.id })]
    fn invalidate(moved: &InvoiceMoved) {}
    assert_eq!(left(invalidate::HANDLER, MOVED).await, [8, 17, 18, 19]);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_cannot_be_used_costs_no_other_key_and_tag() {
    // `*` is the cache's own: the batch as a whole is refused.
    #[invalidates(manual, key = InvoiceKey { id: event.id }, tags = ["*", "customer:17"])]
    fn moved(event: &InvoiceMoved) {}
    assert_eq!(left(moved::HANDLER, MOVED).await, [18, 19]);
}

#[tokio::test(start_paused = true)]
async fn an_expression_that_panics_clears_the_scope_before_publish_returns() {
    #[invalidates(manual, key = InvoiceKey { id: event.customer.expect("a customer") })]
    fn moved(event: &InvoiceMoved) {}
    let nobody = InvoiceMoved {
        customer: None,
        ..MOVED
    };
    assert!(left(moved::HANDLER, nobody).await.is_empty());
}

// Both compile only if what is left out leaves nothing behind.
#[invalidates(manual, key = InvoiceKey { id: event.no_such_field })]
#[cfg(any())]
fn left_out(event: &InvoiceMoved) {}

#[caching_events::event_handler(module = NoSuchModule)]
#[cfg(any())]
async fn left_out(event: &InvoiceMoved, service: NoSuchService) -> Result<(), NoSuchError> {}
