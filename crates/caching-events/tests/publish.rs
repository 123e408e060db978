//! Publishing: the cache first, then everything else behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use caching_core::{CacheKey, HybridCache};
use caching_events::{DomainEvent, EventBus, HandlerError, event_handler, invalidates};
use common::{Gate, Journal, bus, cache};

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}")]
struct InvoiceKey {
    id: u64,
}

#[derive(DomainEvent)]
#[event(name = "invoice.paid")]
struct InvoicePaid {
    id: u64,
}

#[invalidates(manual, key = InvoiceKey { id: event.id })]
fn invoice_paid(event: &InvoicePaid) {}

#[event_handler(manual)]
async fn writes(event: &InvoicePaid, journal: Journal) -> Result<(), HandlerError> {
    journal.write(format!("writes {}", event.id));
    Ok(())
}

#[event_handler(manual)]
async fn reads(
    event: &InvoicePaid,
    cache: HybridCache,
    journal: Journal,
) -> Result<(), HandlerError> {
    let found = cache.peek(&InvoiceKey { id: event.id })?;
    journal.write(if found.is_some() { "old" } else { "gone" });
    Ok(())
}

#[event_handler(manual)]
async fn waits(event: &InvoicePaid, gate: Gate, journal: Journal) -> Result<(), HandlerError> {
    journal.write(format!("waits {}", event.id));
    gate.pass().await;
    journal.write(format!("passed {}", event.id));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn invalidations_run_before_all_other_handlers() {
    let (cache, journal) = (cache(), Journal::default());
    cache
        .set(&InvoiceKey { id: 7 }, "open".to_owned())
        .await
        .unwrap()
        .accept_queued();
    let bus = EventBus::builder()
        .handler(reads::HANDLER)
        .handler(invoice_paid::HANDLER)
        .service(journal.clone())
        .build(cache)
        .unwrap();

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;

    assert_eq!(journal.lines(), ["gone"]);
}

#[tokio::test(start_paused = true)]
async fn publish_returns_when_the_cache_forgot_and_not_when_handlers_are_done() {
    let (cache, journal, gate) = (cache(), Journal::default(), Gate::closed());
    cache
        .set(&InvoiceKey { id: 7 }, "open".to_owned())
        .await
        .unwrap()
        .accept_queued();
    let bus = EventBus::builder()
        .handler(invoice_paid::HANDLER)
        .handler(waits::HANDLER)
        .service(journal.clone())
        .service(gate.clone())
        .build(cache.clone())
        .unwrap();

    let published = bus.publish(InvoicePaid { id: 7 }).await.unwrap();

    assert_eq!((published.applied, published.handlers), (1, 1));
    assert!(cache.peek(&InvoiceKey { id: 7 }).unwrap().is_none());
    assert_eq!(bus.stats().handled, 0);
    gate.open(1);
    bus.idle().await;
    assert_eq!(journal.lines(), ["waits 7", "passed 7"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_handles_is_published_all_the_same() {
    let bus = bus(EventBus::builder());
    let published = bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    assert_eq!(
        (published.events, published.applied, published.handlers),
        (1, 0, 0)
    );
    assert_eq!(bus.stats().published, 1);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_event_is_harmless_to_the_cache() {
    let cache = cache();
    let bus = EventBus::builder()
        .handler(invoice_paid::HANDLER)
        .build(cache.clone())
        .unwrap();
    let key = InvoiceKey { id: 7 };

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    cache
        .set(&key, "paid".to_owned())
        .await
        .unwrap()
        .accept_queued();
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();

    assert!(cache.peek(&key).unwrap().is_none());
    assert_eq!(bus.stats().invalidations_applied, 2);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_who_leaves_does_not_end_the_delivery() {
    let (journal, gate) = (Journal::default(), Gate::closed());
    let bus = bus(EventBus::builder()
        .handler(writes::HANDLER)
        .service(journal.clone())
        .service(gate));

    let mut publish = Box::pin(bus.publish(InvoicePaid { id: 7 }));
    assert!(futures::poll!(&mut publish).is_pending());
    drop(publish);
    bus.idle().await;

    assert_eq!(journal.lines(), ["writes 7"]);
}

#[test]
fn without_a_runtime_publishing_is_an_error_that_says_so() {
    let bus = bus(EventBus::builder());
    let error = futures::executor::block_on(bus.publish(InvoicePaid { id: 7 })).unwrap_err();
    assert!(
        error.to_string().contains("needs a tokio runtime"),
        "{error}"
    );
}
