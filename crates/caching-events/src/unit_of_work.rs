//! A unit of work: events that go only after its commit, and none without it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;
use tracing::{Instrument, Span, debug};

use crate::bus::EventBus;
use crate::delivery::{Envelope, Published};
use crate::error::{CommitError, PublishError};
use crate::event::DomainEvent;

/// What a unit of work commits; the seam to a database.
///
/// A transaction that is dropped without a commit must roll back, as those of the usual database crates
/// do. [`UnitOfWork::commit_with`] works without an implementation.
pub trait Transaction: Send + 'static {
    /// Why a commit fails.
    type Error: Send + 'static;

    /// Makes everything that was done in it last.
    fn commit(self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A transaction together with the events that it will have caused.
///
/// They are published when the transaction has committed, and are gone when it has not: after
/// [`rollback`](Self::rollback), after a commit that failed, and when the unit of work is dropped.
///
/// ```
/// use caching_events::{DomainEvent, EventBus, Transaction};
///
/// #[derive(DomainEvent)]
/// #[event(name = "invoice.paid")]
/// struct InvoicePaid {
///     id: u64,
/// }
///
/// // A database crate's transaction, in a type of your own.
/// struct Tx;
///
/// impl Transaction for Tx {
///     type Error = std::io::Error;
///
///     async fn commit(self) -> Result<(), std::io::Error> {
///         Ok(())
///     }
/// }
///
/// async fn pay(bus: &EventBus, tx: Tx, id: u64) -> Result<(), Box<dyn std::error::Error>> {
///     let mut work = bus.begin(tx);
///     // … statements on work.tx() …
///     work.raise(InvoicePaid { id });
///     work.commit().await?;
///     Ok(())
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// #     let cache = caching_core::HybridCache::builder().build().unwrap();
/// #     let bus = EventBus::builder().build(cache).unwrap();
/// #     pay(&bus, Tx, 7).await.unwrap();
/// #     assert_eq!(bus.stats().published, 1);
/// # }
/// ```
#[must_use = "a unit of work that is dropped rolls back, and its events are gone"]
pub struct UnitOfWork<T> {
    tx: T,
    raised: Raised,
}

impl<T> UnitOfWork<T> {
    pub(crate) fn new(bus: EventBus, tx: T) -> Self {
        Self {
            tx,
            raised: Raised {
                bus,
                events: Vec::new(),
            },
        }
    }

    /// The transaction, for statements.
    pub fn tx(&mut self) -> &mut T {
        &mut self.tx
    }

    /// Keeps an event until the commit. Its scope is captured now.
    ///
    /// An event without a scope keeps the unit of work from being committed.
    pub fn raise<E: DomainEvent>(&mut self, event: E) {
        let envelope = Envelope::seal(&self.raised.bus.shared, event);
        self.raised.events.push(envelope);
    }

    /// How many events there are so far.
    #[must_use]
    pub fn raised(&self) -> usize {
        self.raised.events.len()
    }

    /// Drops the events and gives the transaction back, which rolls back when it is dropped.
    pub fn rollback(self) -> T {
        self.tx
    }

    /// Commits the transaction, then publishes its events, in the order in which they were raised.
    ///
    /// Returns when each invalidation of all events has been tried once. From the first poll on it goes on
    /// to its end, even where the caller leaves in between.
    ///
    /// # Errors
    ///
    /// See [`CommitError`]: nothing was committed, unless it is [`CommitError::CutOff`].
    pub async fn commit(self) -> Result<Published, CommitError<T::Error>>
    where
        T: Transaction,
    {
        self.commit_with(T::commit).await
    }

    /// The same with the commit as a function, for transactions that are no [`Transaction`]:
    /// `work.commit_with(|tx| tx.commit())`.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_with<F, Fut, E>(self, commit: F) -> Result<Published, CommitError<E>>
    where
        T: Send + 'static,
        F: FnOnce(T) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send,
        E: Send + 'static,
    {
        let Self { tx, raised } = self;
        raised.check()?;
        let shared = Arc::clone(&raised.bus.shared);
        // Before the commit: what could not be delivered afterwards must not be committed.
        let event = raised.first_name();
        if Handle::try_current().is_err() {
            return Err(CommitError::Event(PublishError::NoRuntime { event }));
        }
        let entered = shared.tasks.enter();
        // Held until the task below is counted itself.
        let entered = entered.ok_or(CommitError::Event(PublishError::Stopped { event }))?;
        let task = async move {
            commit(tx).await.map_err(CommitError::Transaction)?;
            let shared = Arc::clone(&raised.bus.shared);
            Ok(shared.deliver(raised.release()).await)
        };
        // A task of the bus, so that no caller can leave between the commit and its events.
        let committed = shared.tasks.spawn(task.instrument(Span::current()));
        drop(entered);
        match committed.await {
            Ok(Some(outcome)) => outcome,
            Ok(None) | Err(_) => Err(CommitError::CutOff),
        }
    }
}

impl<T> fmt::Debug for UnitOfWork<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitOfWork")
            .field("raised", &self.raised())
            .finish_non_exhaustive()
    }
}

/// The events of a unit of work; dropped, they are gone.
struct Raised {
    bus: EventBus,
    events: Vec<Result<Envelope, PublishError>>,
}

impl Raised {
    fn check<E>(&self) -> Result<(), CommitError<E>> {
        match self.events.iter().find_map(|event| event.as_ref().err()) {
            Some(error) => Err(CommitError::Event(error.clone())),
            None => Ok(()),
        }
    }

    fn first_name(&self) -> &'static str {
        match self.events.first() {
            Some(Ok(envelope)) => envelope.name,
            _ => "(none)",
        }
    }

    /// The events, to be delivered.
    fn release(mut self) -> Vec<Envelope> {
        let counters = &self.bus.shared.counters;
        counters.commits.add();
        if self.events.is_empty() {
            counters.silent_commits.add();
        }
        std::mem::take(&mut self.events)
            .into_iter()
            .flatten()
            .collect()
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        if self.events.is_empty() {
            return;
        }
        debug!(
            events = self.events.len(),
            "a unit of work was not committed, and its events are gone"
        );
        for _ in &self.events {
            self.bus.shared.counters.discarded.add();
        }
    }
}
