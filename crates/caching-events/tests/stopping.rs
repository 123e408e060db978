//! Stopping: what runs is drained, what hangs is dropped, what comes later is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::time::Duration;

use caching_events::{DomainEvent, EventBus, HandlerError, PublishError, event_handler};
use common::{Gate, Journal, bus, settle};
use tokio::time::Instant;

#[derive(DomainEvent)]
#[event(name = "invoice.paid")]
struct InvoicePaid {
    id: u64,
}

#[derive(DomainEvent)]
#[event(name = "customer.settled")]
struct CustomerSettled;

#[event_handler(manual)]
async fn waits(event: &InvoicePaid, gate: Gate, journal: Journal) -> Result<(), HandlerError> {
    gate.pass().await;
    journal.write(format!("passed {}", event.id));
    Ok(())
}

#[event_handler(manual)]
async fn fails(_event: &InvoicePaid, journal: Journal) -> Result<(), HandlerError> {
    journal.write("failed");
    Err("away".into())
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_handlers_that_run() {
    let (journal, gate) = (Journal::default(), Gate::closed());
    let bus = bus(EventBus::builder()
        .handler(waits::HANDLER)
        .service(journal.clone())
        .service(gate.clone()));
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();

    let stopping = tokio::spawn({
        let bus = bus.clone();
        async move { bus.stop(Duration::from_secs(5)).await }
    });
    settle().await;
    assert!(!stopping.is_finished());
    gate.open(1);

    assert!(stopping.await.unwrap());
    assert_eq!(journal.lines(), ["passed 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_outlasts_the_deadline_is_dropped_and_kept_as_a_dead_letter() {
    let bus = bus(EventBus::builder()
        .handler(waits::HANDLER)
        .service(Journal::default())
        .service(Gate::closed()));
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();

    assert!(!bus.stop(Duration::from_secs(5)).await);

    let letters = bus.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(
        letters[0].reason(),
        "the event bus stopped before it was done"
    );
    assert_eq!(letters[0].tries(), 1);
    assert_eq!(bus.stats().pending, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_the_time_between_retries() {
    let journal = Journal::default();
    let config = toml::from_str("backoff = '1h'\nmax_backoff = '1h'").unwrap();
    let bus = bus(EventBus::builder()
        .handler(fails::HANDLER)
        .config(config)
        .service(journal.clone()));
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    settle().await;
    assert_eq!(journal.lines().len(), 1);

    let began = Instant::now();
    assert!(bus.stop(Duration::from_secs(5)).await);

    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(journal.lines().len(), 6);
    assert_eq!(bus.dead_letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_stop_publishing_is_refused() {
    let bus = bus(EventBus::builder());
    assert!(bus.stop(Duration::from_secs(1)).await);
    let error = bus.publish(InvoicePaid { id: 7 }).await.unwrap_err();
    assert_eq!(
        error,
        PublishError::Stopped {
            event: "invoice.paid"
        }
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_a_draining_handler_publishes_is_drained_too() {
    #[event_handler(manual)]
    async fn publishes(_event: &InvoicePaid, gate: Gate, bus: LateBus) -> Result<(), HandlerError> {
        gate.pass().await;
        let bus = bus.0.get().cloned().ok_or("no bus")?;
        bus.publish(CustomerSettled).await?;
        Ok(())
    }

    #[event_handler(manual)]
    async fn hears(_event: &CustomerSettled, journal: Journal) -> Result<(), HandlerError> {
        journal.write("settled");
        Ok(())
    }

    /// The bus, for its own handlers.
    #[derive(Clone, Default)]
    struct LateBus(std::sync::Arc<std::sync::OnceLock<EventBus>>);

    let (journal, gate, late) = (Journal::default(), Gate::closed(), LateBus::default());
    let bus = bus(EventBus::builder()
        .handler(publishes::HANDLER)
        .handler(hears::HANDLER)
        .service(journal.clone())
        .service(gate.clone())
        .service(late.clone()));
    late.0.set(bus.clone()).unwrap();
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();

    let stopping = tokio::spawn({
        let bus = bus.clone();
        async move { bus.stop(Duration::from_secs(5)).await }
    });
    settle().await;
    let refused = bus.publish(CustomerSettled).await;
    gate.open(1);

    assert!(stopping.await.unwrap());
    assert!(refused.is_err());
    assert_eq!(journal.lines(), ["settled"]);
    assert!(bus.dead_letters().is_empty());
}
