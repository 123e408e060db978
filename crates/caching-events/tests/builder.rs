//! Building a bus: everything that is wrong is found here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use caching_core::CacheKey;
use caching_events::{
    DomainEvent, EventBus, EventBusProblem, EventsConfig, HandlerError, event_handler, invalidates,
};
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
async fn waits(event: &InvoicePaid, gate: Gate, journal: Journal) -> Result<(), HandlerError> {
    journal.write(format!("waits {}", event.id));
    gate.pass().await;
    journal.write(format!("passed {}", event.id));
    Ok(())
}

fn config(toml: &str) -> EventsConfig {
    toml::from_str(toml).unwrap()
}

#[test]
fn handlers_are_sorted_by_event_then_order_then_path() {
    #[derive(DomainEvent)]
    #[event(name = "customer.moved")]
    struct CustomerMoved;

    #[event_handler(manual)]
    async fn z_moved(_event: &CustomerMoved) -> Result<(), HandlerError> {
        Ok(())
    }

    #[event_handler(manual, order = 1)]
    async fn a_last(_event: &InvoicePaid) -> Result<(), HandlerError> {
        Ok(())
    }

    let bus = bus(EventBus::builder()
        .handlers([a_last::HANDLER, writes::HANDLER, invoice_paid::HANDLER])
        .handler(z_moved::HANDLER)
        .service(Journal::default()));

    let order: Vec<_> = bus
        .handlers()
        .iter()
        .map(|handler| handler.path())
        .collect();
    assert_eq!(
        order,
        [
            "builder::z_moved",
            "builder::invoice_paid",
            "builder::writes",
            "builder::a_last"
        ]
    );
    assert_eq!(bus.handlers_of::<CustomerMoved>().count(), 1);
}

#[test]
fn everything_that_keeps_a_bus_from_being_built_is_reported_at_once() {
    #[derive(DomainEvent)]
    #[event(name = "invoice.paid")]
    struct Impostor;

    #[event_handler(manual)]
    async fn deceived(_event: &Impostor) -> Result<(), HandlerError> {
        Ok(())
    }

    let error = EventBus::builder()
        .handlers([writes::HANDLER, writes::HANDLER, deceived::HANDLER])
        .config(config("concurrency = 0"))
        .build(cache())
        .unwrap_err();

    let text = error.to_string();
    assert_eq!(error.problems().len(), 3, "{text}");
    assert!(
        text.contains("`cache.events.concurrency` is zero"),
        "{text}"
    );
    assert!(
        text.contains("handler `builder::writes` is there twice"),
        "{text}"
    );
    assert!(text.contains("are both named `invoice.paid`"), "{text}");
}

#[test]
fn a_missing_service_is_named_with_the_handler_that_needs_it() {
    let error = EventBus::builder()
        .handler(waits::HANDLER)
        .service(Journal::default())
        .build(cache())
        .unwrap_err();

    let [
        EventBusProblem::MissingService {
            handler, service, ..
        },
    ] = error.problems()
    else {
        panic!("{error}");
    };
    assert_eq!(
        (*handler, *service),
        ("builder::waits", "builder::common::Gate")
    );
}

#[test]
fn promised_types_are_send_sync_and_clone() {
    fn promised<T: Clone + Send + Sync + 'static>() {}
    promised::<EventBus>();
    promised::<caching_events::Handler>();
    promised::<caching_events::DeadLetter>();

    fn sends<T: Send>(_: &T) {}
    let bus = bus(EventBus::builder());
    sends(&bus.publish(InvoicePaid { id: 7 }));
}
