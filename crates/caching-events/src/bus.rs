//! `EventBus`: publishes events to the handlers that are linked.

mod builder;
mod route;

pub use self::builder::EventBusBuilder;

pub(crate) use self::route::{Route, Seat};

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use caching_core::KeyScope;

use crate::cache::InvalidationTarget;
use crate::config::EventsConfig;
use crate::dead_letter::{DeadLetter, DeadLetters};
use crate::delivery::{Envelope, Published};
use crate::error::{EventBusBuildError, EventBusProblem, PublishError};
use crate::event::DomainEvent;
use crate::handler::Handler;
use crate::services::HandlerServices;
use crate::stats::{Counters, EventStats};
use crate::tasks::Tasks;
use crate::unit_of_work::UnitOfWork;

/// Publishes events to the handlers that are linked. A handle: cheap to clone, all clones are one bus.
///
/// ```
/// use caching_core::{CacheKey, HybridCache};
/// use caching_events::{DomainEvent, EventBus, invalidates};
///
/// #[derive(CacheKey)]
/// #[cache_key(kind = "invoice", value = String, template = "{id}")]
/// struct InvoiceKey {
///     id: u64,
/// }
///
/// #[derive(DomainEvent)]
/// #[event(name = "invoice.paid")]
/// struct InvoicePaid {
///     id: u64,
/// }
///
/// #[invalidates(manual, key = InvoiceKey { id: event.id })]
/// fn invoice_paid(event: &InvoicePaid) {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = HybridCache::builder().build()?;
/// let bus = EventBus::builder()
///     .handler(invoice_paid::HANDLER)
///     .build(cache.clone())?;
///
/// cache.set(&InvoiceKey { id: 7 }, "open".to_owned()).await?.accept_queued();
/// // … the write commits, then:
/// let published = bus.publish(InvoicePaid { id: 7 }).await?;
/// assert_eq!(published.applied, 1);
/// assert!(cache.get(&InvoiceKey { id: 7 }).await?.is_none());
/// # Ok(())
/// # }
/// ```
///
/// # What runs when
///
/// | | when | if it fails |
/// | --- | --- | --- |
/// | invalidations | before all other handlers; `publish` returns once each was tried once | tried again behind `publish`; given up: a loud log line, and the kinds of its keys and its tags are cleared instead |
/// | other handlers | after the first try of the invalidations, each in a task of its own, behind `publish` | each tried again on its own; given up: a dead letter |
///
/// Each runs inside the scope of its event. Handlers of different events overlap, and so do those of one;
/// nothing is promised about their order but how they begin. A dropped `publish` that was polled once is
/// delivered all the same.
///
/// The bus keeps events in memory: those that are being handled when the process dies are gone.
#[derive(Clone)]
pub struct EventBus {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles of a bus share.
pub(crate) struct Shared {
    pub(crate) cache: Box<dyn InvalidationTarget>,
    pub(crate) scope: Arc<dyn KeyScope>,
    pub(crate) config: EventsConfig,
    /// Sorted.
    handlers: Vec<Handler>,
    routes: HashMap<TypeId, Arc<Route>>,
    pub(crate) services: HandlerServices,
    pub(crate) tasks: Tasks,
    pub(crate) counters: Counters,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) pending: AtomicUsize,
}

impl EventBus {
    /// A bus without handlers yet.
    #[must_use]
    pub fn builder() -> EventBusBuilder {
        EventBusBuilder::default()
    }

    /// Publishes an event: after the commit of the write that it tells of.
    ///
    /// Returns when each invalidation has been tried once; their retries and all other handlers go on
    /// behind. The scope is captured when this is called, before the first poll.
    ///
    /// # Errors
    ///
    /// Only where no handler could begin: the event has no scope, the bus is stopped, or there is no
    /// runtime. What happens in handlers never comes back here.
    pub fn publish<E: DomainEvent>(
        &self,
        event: E,
    ) -> impl Future<Output = Result<Published, PublishError>> + Send + use<E> {
        // Here, not in the future: the scope is that of the caller who calls, not who polls.
        let envelope = Envelope::seal(&self.shared, event);
        let shared = Arc::clone(&self.shared);
        async move { shared.send(envelope?).await }
    }

    /// Begins a unit of work around a transaction: its events go only after its commit.
    pub fn begin<T>(&self, transaction: T) -> UnitOfWork<T> {
        UnitOfWork::new(self.clone(), transaction)
    }

    /// The handlers, sorted by event, order and path.
    #[must_use]
    pub fn handlers(&self) -> &[Handler] {
        &self.shared.handlers
    }

    /// The handlers of one event.
    pub fn handlers_of<E: DomainEvent>(&self) -> impl Iterator<Item = &Handler> {
        let event = TypeId::of::<E>();
        self.shared
            .handlers
            .iter()
            .filter(move |handler| handler.event().id == event)
    }

    /// What the bus has done since it was built.
    #[must_use]
    pub fn stats(&self) -> EventStats {
        // Relaxed: a count orders nothing.
        let pending = self.shared.pending.load(Ordering::Relaxed);
        self.shared.counters.read(pending)
    }

    /// The handlers that were given up, the newest last.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.shared.dead_letters.list()
    }

    /// The same, and forgets them.
    #[must_use = "the letters are gone from the bus"]
    pub fn take_dead_letters(&self) -> Vec<DeadLetter> {
        self.shared.dead_letters.take()
    }

    /// Waits until nothing is being handled, retries included: for tests and for tools that end.
    pub async fn idle(&self) {
        self.shared.tasks.idle().await;
    }

    /// Stops: further events are refused, except from handlers that are still running; these have until
    /// the deadline, and their retries follow without waiting. True if none had to be dropped.
    ///
    /// Those that were dropped are among the [dead letters](Self::dead_letters).
    pub async fn stop(&self, deadline: Duration) -> bool {
        self.shared.tasks.stop(deadline).await == 0
    }

    /// Whether every handler finds the services that it needs.
    pub(crate) fn check_services(&self) -> Result<(), EventBusBuildError> {
        let missing = self.handlers().iter().flat_map(|handler| {
            handler.parameters().iter().filter_map(|parameter| {
                let reason = parameter.check(&self.shared.services).err()?;
                Some(EventBusProblem::MissingService {
                    handler: handler.path(),
                    service: parameter.type_name(),
                    reason,
                })
            })
        });
        EventBusBuildError::unless_empty(missing.collect())
    }
}

impl Shared {
    pub(crate) fn route<E: DomainEvent>(&self) -> Option<Arc<Route>> {
        self.routes.get(&TypeId::of::<E>()).cloned()
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus")
            .field("handlers", &self.handlers().len())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
