//! Handlers: isolated, tried again, given up, bounded.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::time::Duration;

use caching_events::{DomainEvent, EventBus, EventsConfig, HandlerError, event_handler};
use common::{Gate, Journal, bus, settle};
use tokio::time::Instant;

#[derive(DomainEvent)]
#[event(name = "invoice.paid")]
struct InvoicePaid {
    id: u64,
}

#[event_handler(manual)]
async fn writes(event: &InvoicePaid, journal: Journal) -> Result<(), HandlerError> {
    journal.write(format!("writes {}", event.id));
    Ok(())
}

#[event_handler(manual)]
async fn waits(event: &InvoicePaid, gate: Gate, journal: Journal) -> Result<(), HandlerError> {
    journal.write(format!("waits {}", event.id));
    gate.pass().await;
    journal.write(format!("passed {}", event.id));
    Ok(())
}

/// When tries happened, since the test began.
#[derive(Clone)]
struct Tries {
    began: Instant,
    journal: Journal,
}

impl Tries {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            journal: Journal::default(),
        }
    }

    fn note(&self) -> usize {
        let at = self.began.elapsed().as_millis();
        self.journal.write(at.to_string());
        self.journal.lines().len()
    }
}

#[event_handler(manual)]
async fn fails(_event: &InvoicePaid, tries: Tries) -> Result<(), HandlerError> {
    tries.note();
    Err("the mail server is away".into())
}

#[event_handler(manual)]
async fn works_the_third_time(_event: &InvoicePaid, tries: Tries) -> Result<(), HandlerError> {
    if tries.note() < 3 {
        return Err("not yet".into());
    }
    Ok(())
}

#[event_handler(manual)]
async fn fails_for_good(_event: &InvoicePaid, tries: Tries) -> Result<(), HandlerError> {
    tries.note();
    Err(HandlerError::permanent("there is no address"))
}

#[event_handler(manual)]
async fn panics(_event: &InvoicePaid, tries: Tries) -> Result<(), HandlerError> {
    tries.note();
    panic!("a bug")
}

#[event_handler(manual)]
async fn hangs(_event: &InvoicePaid, tries: Tries) -> Result<(), HandlerError> {
    tries.note();
    std::future::pending().await
}

fn config(toml: &str) -> EventsConfig {
    toml::from_str(toml).unwrap()
}

#[tokio::test(start_paused = true)]
async fn several_handlers_all_run_and_one_that_panics_harms_no_other() {
    let journal = Journal::default();
    let bus = bus(EventBus::builder()
        .handler(panics::HANDLER)
        .handler(writes::HANDLER)
        .service(Tries::new())
        .service(journal.clone()));

    bus.publish(InvoicePaid { id: 1 }).await.unwrap();
    bus.idle().await;
    bus.publish(InvoicePaid { id: 2 }).await.unwrap();
    bus.idle().await;

    assert_eq!(journal.lines(), ["writes 1", "writes 2"]);
    let letters = bus.dead_letters();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].reason(), "it panicked: a bug");
}

#[tokio::test(start_paused = true)]
async fn a_failing_handler_is_tried_again_after_waits_that_double() {
    let tries = Tries::new();
    let bus = bus(EventBus::builder()
        .handler(fails::HANDLER)
        .service(tries.clone()));

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;

    assert_eq!(
        tries.journal.lines(),
        ["0", "200", "600", "1400", "3000", "6200"]
    );
    let stats = bus.stats();
    assert_eq!(
        (stats.handlers_failed, stats.retries, stats.pending),
        (6, 5, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_works_at_last_leaves_no_dead_letter() {
    let tries = Tries::new();
    let bus = bus(EventBus::builder()
        .handler(works_the_third_time::HANDLER)
        .service(tries.clone()));

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;

    assert_eq!(tries.journal.lines(), ["0", "200", "600"]);
    assert_eq!(bus.stats().handled, 1);
    assert!(bus.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_failed_is_tried_again_alone() {
    let (tries, journal) = (Tries::new(), Journal::default());
    let bus = bus(EventBus::builder()
        .handler(works_the_third_time::HANDLER)
        .handler(writes::HANDLER)
        .service(tries.clone())
        .service(journal.clone()));

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;

    assert_eq!(tries.journal.lines().len(), 3);
    assert_eq!(journal.lines(), ["writes 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_not_tried_again() {
    let tries = Tries::new();
    let bus = bus(EventBus::builder()
        .handler(fails_for_good::HANDLER)
        .service(tries.clone()));

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;

    assert_eq!(tries.journal.lines(), ["0"]);
    assert_eq!(bus.dead_letters()[0].reason(), "there is no address");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_dropped_at_its_limit_and_tried_again() {
    let tries = Tries::new();
    let bus = bus(EventBus::builder()
        .handler(hangs::HANDLER)
        .config(config("retries = 1\ntry_limit = '1s'"))
        .service(tries.clone()));

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;

    assert_eq!(tries.journal.lines(), ["0", "1200"]);
    assert_eq!(bus.dead_letters()[0].reason(), "it took longer than 1s");
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_says_what_happened_and_gives_the_event_back() {
    let bus = bus(EventBus::builder()
        .handler(fails::HANDLER)
        .service(Tries::new()));

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;

    let letters = bus.take_dead_letters();
    let letter = &letters[0];
    assert_eq!(letter.event_name(), "invoice.paid");
    assert_eq!(letter.handler(), "handlers::fails");
    assert_eq!(letter.reason(), "the mail server is away");
    assert_eq!((letter.tries(), letter.scope()), (6, "shared"));
    assert_eq!(letter.event::<InvoicePaid>().map(|event| event.id), Some(7));
    assert!(!letter.is_invalidation());
    assert!(bus.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_oldest_dead_letter_makes_room() {
    let bus = bus(EventBus::builder()
        .handler(fails_for_good::HANDLER)
        .config(config("dead_letters = 2"))
        .service(Tries::new()));

    for id in 1..=3 {
        bus.publish(InvoicePaid { id }).await.unwrap();
        bus.idle().await;
    }

    let letters = bus.dead_letters();
    let ids: Vec<_> = letters
        .iter()
        .filter_map(|letter| letter.event::<InvoicePaid>())
        .map(|event| event.id)
        .collect();
    assert_eq!(ids, [2, 3]);
    assert_eq!(bus.stats().dead_lettered, 3);
}

#[tokio::test(start_paused = true)]
async fn a_handler_works_on_no_more_events_at_a_time_than_it_may() {
    let (journal, gate) = (Journal::default(), Gate::closed());
    let bus = bus(EventBus::builder()
        .handler(waits::HANDLER)
        .handler(writes::HANDLER)
        .config(config("concurrency = 2"))
        .service(journal.clone())
        .service(gate.clone()));

    for id in 1..=3 {
        bus.publish(InvoicePaid { id }).await.unwrap();
    }
    settle().await;

    // The third waits for room; the other handler has room of its own.
    let mut begun = journal.lines();
    begun.sort();
    assert_eq!(
        begun,
        ["waits 1", "waits 2", "writes 1", "writes 2", "writes 3"]
    );
    gate.open(3);
    bus.idle().await;
    assert_eq!(bus.stats().handled, 6);
}

#[tokio::test(start_paused = true)]
async fn what_comes_beyond_the_pending_limit_is_given_up_at_once() {
    let (journal, gate) = (Journal::default(), Gate::closed());
    let bus = bus(EventBus::builder()
        .handler(waits::HANDLER)
        .config(config("max_pending = 1"))
        .service(journal.clone())
        .service(gate.clone()));

    bus.publish(InvoicePaid { id: 1 }).await.unwrap();
    bus.publish(InvoicePaid { id: 2 }).await.unwrap();

    let letters = bus.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].event::<InvoicePaid>().map(|e| e.id), Some(2));
    gate.open(1);
    bus.idle().await;
    bus.publish(InvoicePaid { id: 3 }).await.unwrap();
    gate.open(1);
    bus.idle().await;
    assert_eq!(bus.stats().handled, 2);
}

#[tokio::test(start_paused = true)]
async fn a_handler_gets_the_time_that_it_needs_below_its_limit() {
    #[event_handler(manual)]
    async fn slow(_event: &InvoicePaid, tries: Tries) -> Result<(), HandlerError> {
        tries.note();
        tokio::time::sleep(Duration::from_millis(900)).await;
        Ok(())
    }

    let tries = Tries::new();
    let bus = bus(EventBus::builder()
        .handler(slow::HANDLER)
        .config(config("try_limit = '1s'"))
        .service(tries.clone()));
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;
    assert_eq!(tries.journal.lines(), ["0"]);
    assert_eq!(bus.stats().handled, 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_keeps_only_the_beginning_of_a_very_long_reason() {
    #[event_handler(manual)]
    async fn verbose(_event: &InvoicePaid) -> Result<(), HandlerError> {
        Err(HandlerError::permanent("é".repeat(100_000)))
    }

    let bus = bus(EventBus::builder().handler(verbose::HANDLER));
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;
    assert_eq!(bus.dead_letters()[0].reason().len(), 2048);
}
