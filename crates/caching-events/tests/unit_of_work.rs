//! Units of work: events after the commit, none without it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use caching_core::CacheKey;
use caching_events::{
    CommitError, DomainEvent, EventBus, HandlerError, PublishError, Transaction, event_handler,
    invalidates,
};
use common::{Gate, Journal, Tenant, bus, cache, cache_of_tenants, settle};

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
async fn hears(
    event: &InvoicePaid,
    database: Database,
    journal: Journal,
) -> Result<(), HandlerError> {
    let state = if database.is_committed() {
        "committed"
    } else {
        "not committed"
    };
    journal.write(format!("{} {state}", event.id));
    Ok(())
}

/// Whether the last transaction was committed.
#[derive(Clone, Default)]
struct Database(Arc<AtomicBool>);

impl Database {
    fn is_committed(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn begin(&self) -> Tx {
        Tx {
            database: self.clone(),
            gate: None,
            outcome: Ok(()),
        }
    }
}

/// A transaction that rolls back when it is dropped, as that of a database does.
struct Tx {
    database: Database,
    gate: Option<Gate>,
    outcome: Result<(), &'static str>,
}

impl Transaction for Tx {
    type Error = &'static str;

    async fn commit(self) -> Result<(), &'static str> {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        self.outcome?;
        self.database.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

struct Fixture {
    bus: EventBus,
    database: Database,
    journal: Journal,
}

fn fixture() -> Fixture {
    let (database, journal) = (Database::default(), Journal::default());
    let bus = bus(EventBus::builder()
        .handler(hears::HANDLER)
        .service(database.clone())
        .service(journal.clone()));
    Fixture {
        bus,
        database,
        journal,
    }
}

#[tokio::test(start_paused = true)]
async fn events_go_after_the_commit_in_the_order_in_which_they_were_raised() {
    let Fixture {
        bus,
        database,
        journal,
    } = fixture();
    let mut work = bus.begin(database.begin());
    work.raise(InvoicePaid { id: 1 });
    work.raise(InvoicePaid { id: 2 });
    settle().await;
    assert!(journal.lines().is_empty());
    assert_eq!(work.raised(), 2);

    let published = work.commit().await.unwrap();
    bus.idle().await;

    assert_eq!((published.events, published.handlers), (2, 2));
    assert_eq!(journal.lines(), ["1 committed", "2 committed"]);
    assert_eq!(bus.stats().commits, 1);
}

#[tokio::test(start_paused = true)]
async fn a_commit_returns_when_the_cache_forgot() {
    let cache = cache();
    let key = InvoiceKey { id: 7 };
    cache
        .set(&key, "open".to_owned())
        .await
        .unwrap()
        .accept_queued();
    let bus = EventBus::builder()
        .handler(invoice_paid::HANDLER)
        .build(cache.clone())
        .unwrap();

    let mut work = bus.begin(Database::default().begin());
    work.raise(InvoicePaid { id: 7 });
    assert!(cache.peek(&key).unwrap().is_some());
    assert_eq!(work.commit().await.unwrap().applied, 1);
    assert!(cache.peek(&key).unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_rolled_back_or_dropped_unit_of_work_raises_nothing() {
    let Fixture {
        bus,
        database,
        journal,
    } = fixture();
    let mut rolled_back = bus.begin(database.begin());
    rolled_back.raise(InvoicePaid { id: 1 });
    drop(rolled_back.rollback());
    let mut dropped = bus.begin(database.begin());
    dropped.raise(InvoicePaid { id: 2 });
    drop(dropped);
    bus.idle().await;

    assert!(journal.lines().is_empty());
    assert!(!database.is_committed());
    assert_eq!((bus.stats().published, bus.stats().discarded), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_raises_nothing_and_gives_its_error() {
    let Fixture {
        bus,
        database,
        journal,
    } = fixture();
    let mut work = bus.begin(Tx {
        outcome: Err("the disk is full"),
        ..database.begin()
    });
    work.raise(InvoicePaid { id: 7 });

    let error = work.commit().await.unwrap_err();
    bus.idle().await;

    assert!(matches!(
        error,
        CommitError::Transaction("the disk is full")
    ));
    assert!(journal.lines().is_empty());
    assert_eq!((bus.stats().commits, bus.stats().discarded), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_scope_keeps_the_transaction_from_being_committed() {
    let database = Database::default();
    let bus = EventBus::builder().build(cache_of_tenants()).unwrap();
    let mut work = bus.begin(database.begin());
    work.raise(InvoicePaid { id: 7 });

    let error = work.commit().await.unwrap_err();

    assert!(matches!(
        error,
        CommitError::Event(PublishError::NoScope { .. })
    ));
    assert!(!database.is_committed());
}

#[tokio::test(start_paused = true)]
async fn the_scope_is_that_of_whoever_raised_the_event() {
    #[event_handler(manual)]
    async fn whose(_event: &InvoicePaid, journal: Journal) -> Result<(), HandlerError> {
        journal.write(Tenant::current());
        Ok(())
    }

    let journal = Journal::default();
    let bus = EventBus::builder()
        .handler(whose::HANDLER)
        .service(journal.clone())
        .build(cache_of_tenants())
        .unwrap();
    let mut work = bus.begin(Database::default().begin());
    Tenant(3).call(|| work.raise(InvoicePaid { id: 7 }));
    work.commit().await.unwrap();
    bus.idle().await;

    assert_eq!(journal.lines(), ["t:3"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_stop_nothing_is_committed() {
    let Fixture { bus, database, .. } = fixture();
    let mut work = bus.begin(database.begin());
    work.raise(InvoicePaid { id: 7 });
    bus.stop(Duration::from_secs(1)).await;

    let error = work.commit().await.unwrap_err();

    assert!(matches!(
        error,
        CommitError::Event(PublishError::Stopped { .. })
    ));
    assert!(!database.is_committed());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_during_the_commit_loses_no_event() {
    let Fixture {
        bus,
        database,
        journal,
    } = fixture();
    let gate = Gate::closed();
    let mut work = bus.begin(Tx {
        gate: Some(gate.clone()),
        ..database.begin()
    });
    work.raise(InvoicePaid { id: 7 });

    let mut commit = Box::pin(work.commit());
    assert!(futures::poll!(&mut commit).is_pending());
    drop(commit);
    gate.open(1);
    bus.idle().await;

    assert_eq!(journal.lines(), ["7 committed"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_commit_and_delivers_its_events() {
    let Fixture {
        bus,
        database,
        journal,
    } = fixture();
    let gate = Gate::closed();
    let mut work = bus.begin(Tx {
        gate: Some(gate.clone()),
        ..database.begin()
    });
    work.raise(InvoicePaid { id: 7 });
    let committing = tokio::spawn(work.commit());
    settle().await;
    let stopping = tokio::spawn({
        let bus = bus.clone();
        async move { bus.stop(Duration::from_secs(5)).await }
    });
    settle().await;
    gate.open(1);

    assert!(committing.await.unwrap().is_ok());
    assert!(stopping.await.unwrap());
    assert_eq!(journal.lines(), ["7 committed"]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_panics_is_cut_off_and_raises_nothing() {
    let Fixture {
        bus,
        database,
        journal,
    } = fixture();
    let mut work = bus.begin(database.begin());
    work.raise(InvoicePaid { id: 7 });

    let error = work
        .commit_with(|_| async {
            if true {
                panic!("a bug of a driver")
            } else {
                Ok::<_, ()>(())
            }
        })
        .await
        .unwrap_err();
    bus.idle().await;

    assert!(matches!(error, CommitError::CutOff));
    assert!(journal.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_commit_without_an_event_is_allowed_and_counted() {
    let Fixture { bus, database, .. } = fixture();
    bus.begin(database.begin()).commit().await.unwrap();
    assert!(database.is_committed());
    assert_eq!((bus.stats().commits, bus.stats().silent_commits), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_of_someone_else_commits_through_a_function() {
    struct Foreign(Database);
    impl Foreign {
        async fn finish(self) -> Result<(), std::io::Error> {
            self.0.0.store(true, Ordering::SeqCst);
            Ok(())
        }
    }

    let Fixture {
        bus,
        database,
        journal,
    } = fixture();
    let mut work = bus.begin(Foreign(database.clone()));
    work.tx().0.0.store(false, Ordering::SeqCst);
    work.raise(InvoicePaid { id: 7 });
    work.commit_with(|tx| tx.finish()).await.unwrap();
    bus.idle().await;
    assert_eq!(journal.lines(), ["7 committed"]);
}
