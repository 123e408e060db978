//! Collects handlers and services, and makes a bus of them.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use caching_core::{HybridCache, KeyScope};

use crate::bus::route::routes;
use crate::bus::{EventBus, Shared};
use crate::cache::InvalidationTarget;
use crate::config::EventsConfig;
use crate::dead_letter::DeadLetters;
use crate::error::{EventBusBuildError, EventBusProblem};
use crate::handler::{EventType, Handler};
use crate::services::{HandlerServices, OwnServices};
use crate::stats::Counters;
use crate::tasks::Tasks;

/// Collects handlers and services, and makes an [`EventBus`] of them.
///
/// In an app host `CachingEventsModule` provides one, and adds the handlers of the registry to it.
#[derive(Default)]
pub struct EventBusBuilder {
    pub(crate) handlers: Vec<Handler>,
    pub(crate) services: OwnServices,
    pub(crate) config: EventsConfig,
}

impl EventBusBuilder {
    /// Adds a handler: `notify::HANDLER`, where `notify` is a function under
    /// [`#[event_handler]`](macro@crate::event_handler) or [`#[invalidates]`](macro@crate::invalidates).
    #[must_use]
    pub fn handler(mut self, handler: Handler) -> Self {
        self.handlers.push(handler);
        self
    }

    /// Adds several handlers.
    #[must_use]
    pub fn handlers(mut self, handlers: impl IntoIterator<Item = Handler>) -> Self {
        self.handlers.extend(handlers);
        self
    }

    /// Gives a service to the handlers that have a parameter of its type; a second one of the same type
    /// replaces the first. A [`HybridCache`] is there without being given: the bus's own.
    ///
    /// The bus keeps the service for as long as it lives: one that keeps the bus in turn is never freed.
    #[must_use]
    pub fn service<T: Clone + Send + Sync + 'static>(mut self, service: T) -> Self {
        self.services.insert(TypeId::of::<T>(), Box::new(service));
        self
    }

    /// Sets retries, limits and times; without it those of an empty `[cache.events]` hold.
    #[must_use]
    pub fn config(mut self, config: EventsConfig) -> Self {
        self.config = config;
        self
    }

    /// Makes the bus, which invalidates in this cache and takes scopes from it.
    ///
    /// # Errors
    ///
    /// A setting that makes no sense, a handler that is there twice, two events of one name, a service
    /// that a handler needs and that is not there: all of it at once.
    pub fn build(self, cache: HybridCache) -> Result<EventBus, EventBusBuildError> {
        let bus = self.build_with_services(cache, HandlerServices::default())?;
        bus.check_services()?;
        Ok(bus)
    }

    /// Makes a bus whose services are checked later.
    pub(crate) fn build_with_services(
        mut self,
        cache: HybridCache,
        services: HandlerServices,
    ) -> Result<EventBus, EventBusBuildError> {
        // The cache itself is a service too, for handlers that do more than invalidate.
        let own_cache = self.services.entry(TypeId::of::<HybridCache>());
        own_cache.or_insert_with(|| Box::new(cache.clone()));
        let scope = cache.key_scope();
        self.build_on(Box::new(cache), scope, services)
    }

    pub(crate) fn build_on(
        mut self,
        cache: Box<dyn InvalidationTarget>,
        scope: Arc<dyn KeyScope>,
        services: HandlerServices,
    ) -> Result<EventBus, EventBusBuildError> {
        EventBusBuildError::unless_empty(self.problems())?;
        Handler::sort(&mut self.handlers);
        Ok(EventBus {
            shared: Arc::new(Shared {
                cache,
                scope,
                routes: routes(&self.handlers, self.config.concurrency),
                handlers: self.handlers,
                services: services.with_own(self.services),
                tasks: Tasks::new(),
                counters: Counters::default(),
                dead_letters: DeadLetters::new(self.config.dead_letters),
                pending: AtomicUsize::new(0),
                config: self.config,
            }),
        })
    }

    fn problems(&self) -> Vec<EventBusProblem> {
        let settings = self.config.problems();
        let mut problems: Vec<_> = settings.into_iter().map(EventBusProblem::Setting).collect();
        let mut paths = HashSet::new();
        let mut names: HashMap<&str, EventType> = HashMap::new();
        for handler in &self.handlers {
            let (path, event) = (handler.path(), handler.event());
            if !paths.insert(path) {
                problems.push(EventBusProblem::DuplicateHandler { path });
            }
            let first = *names.entry(event.name).or_insert(event);
            if first.id != event.id {
                problems.push(EventBusProblem::DuplicateName {
                    name: event.name,
                    first: (first.type_name)(),
                    second: (event.type_name)(),
                });
            }
        }
        problems
    }
}

impl fmt::Debug for EventBusBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBusBuilder")
            .field("handlers", &self.handlers)
            .field("services", &self.services.len())
            .field("config", &self.config)
            .finish()
    }
}
