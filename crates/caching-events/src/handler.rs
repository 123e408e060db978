//! A handler of an event: a constant that a registry or a builder can hold.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::future::ready;
use std::sync::Arc;

use caching_core::BoxFuture;

use crate::event::{AnyEvent, DomainEvent};
use crate::handler_error::HandlerError;
use crate::invalidations::Invalidations;
use crate::services::{HandlerServices, Parameter};

/// An async function that reacts to an event; what [`#[event_handler]`](macro@crate::event_handler)
/// writes.
pub trait EventHandler: 'static {
    /// The event.
    type Event: DomainEvent;

    /// The services that it needs.
    const PARAMETERS: &'static [Parameter];

    /// Reacts, inside the scope of the event.
    ///
    /// # Errors
    ///
    /// Whatever kept it from its work; it is tried again unless the error is
    /// [permanent](HandlerError::permanent).
    fn handle(
        event: Arc<Self::Event>,
        services: HandlerServices,
    ) -> BoxFuture<'static, Result<(), HandlerError>>;
}

/// What an event makes the cache forget; what [`#[invalidates]`](macro@crate::invalidates) writes.
pub trait EventInvalidation: 'static {
    /// The event.
    type Event: DomainEvent;

    /// Adds the keys and tags that the event makes wrong.
    fn invalidations(event: &Self::Event, found: &mut Invalidations);
}

/// A handler of one event, as a constant.
///
/// `#[event_handler]` and `#[invalidates]` write one for the function they stand on, as
/// `function_name::HANDLER`.
#[derive(Clone, Copy)]
pub struct Handler {
    #[cfg(feature = "host")]
    id: TypeId,
    path: &'static str,
    event: EventType,
    module: Option<ModuleType>,
    order: u16,
    parameters: &'static [Parameter],
    pub(crate) work: Work,
}

/// What a handler does; the generics end here.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Handle(HandleFn),
    Invalidate(InvalidateFn),
}

pub(crate) type HandleFn =
    fn(AnyEvent, HandlerServices) -> BoxFuture<'static, Result<(), HandlerError>>;
pub(crate) type InvalidateFn = fn(&(dyn Any + Send + Sync), &mut Invalidations);

/// The type of an event, with its name.
#[derive(Clone, Copy)]
pub(crate) struct EventType {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
    pub(crate) type_name: fn() -> &'static str,
}

/// The type of the module that a handler belongs to.
#[derive(Clone, Copy)]
pub(crate) struct ModuleType {
    #[cfg(feature = "host")]
    pub(crate) id: TypeId,
    type_name: fn() -> &'static str,
}

impl Handler {
    /// The handler of a type that reacts to an event; `path` is its name in logs, unique in the program.
    #[must_use]
    pub const fn handling<H: EventHandler>(path: &'static str) -> Self {
        Self {
            #[cfg(feature = "host")]
            id: TypeId::of::<H>(),
            path,
            event: EventType::of::<H::Event>(),
            module: None,
            order: 0,
            parameters: H::PARAMETERS,
            work: Work::Handle(handle::<H>),
        }
    }

    /// The handler of a type that names what an event makes the cache forget.
    #[must_use]
    pub const fn invalidating<H: EventInvalidation>(path: &'static str) -> Self {
        Self {
            #[cfg(feature = "host")]
            id: TypeId::of::<H>(),
            path,
            event: EventType::of::<H::Event>(),
            module: None,
            order: 0,
            parameters: &[],
            work: Work::Invalidate(invalidate::<H>),
        }
    }

    /// The same handler, active only in applications in which the module `M` is enabled.
    #[must_use]
    pub const fn in_module<M: 'static>(mut self) -> Self {
        self.module = Some(ModuleType {
            #[cfg(feature = "host")]
            id: TypeId::of::<M>(),
            type_name: type_name::<M>,
        });
        self
    }

    /// The same handler with a place among the handlers of its event: the lowest number begins first.
    #[must_use]
    pub const fn ordered(mut self, order: u16) -> Self {
        self.order = order;
        self
    }

    /// The path of its function, such as `invoices::handlers::notify`.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// The name of its event.
    #[must_use]
    pub const fn event_name(&self) -> &'static str {
        self.event.name
    }

    /// The name of the type of the module that it belongs to, if it belongs to one.
    #[must_use]
    pub fn module_name(&self) -> Option<&'static str> {
        self.module.map(|module| (module.type_name)())
    }

    /// Its place among the handlers of its event.
    #[must_use]
    pub const fn order(&self) -> u16 {
        self.order
    }

    /// Whether it invalidates; such handlers run before all others.
    #[must_use]
    pub const fn is_invalidation(&self) -> bool {
        matches!(self.work, Work::Invalidate(_))
    }

    /// The services that it needs.
    #[must_use]
    pub const fn parameters(&self) -> &'static [Parameter] {
        self.parameters
    }

    /// Whether both are the handler of one function.
    #[cfg(feature = "host")]
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }

    pub(crate) const fn event(&self) -> EventType {
        self.event
    }

    #[cfg(feature = "host")]
    pub(crate) const fn module(&self) -> Option<ModuleType> {
        self.module
    }

    /// Event, then order, then path: the same on every start, whatever the linker's order was.
    pub(crate) fn sort(handlers: &mut [Self]) {
        handlers.sort_by_key(|handler| (handler.event.name, handler.order, handler.path));
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler")
            .field("path", &self.path)
            .field("event", &self.event.name)
            .field("is_invalidation", &self.is_invalidation())
            .finish_non_exhaustive()
    }
}

/// One line for people: `invoice.paid -> invoices::handlers::notify`.
impl fmt::Display for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_invalidation() {
            "invalidated by"
        } else {
            "handled by"
        };
        write!(f, "{} {verb} {}", self.event.name, self.path)
    }
}

impl EventType {
    pub(crate) const fn of<E: DomainEvent>() -> Self {
        Self {
            id: TypeId::of::<E>(),
            name: E::NAME,
            type_name: type_name::<E>,
        }
    }
}

fn handle<H: EventHandler>(
    event: AnyEvent,
    services: HandlerServices,
) -> BoxFuture<'static, Result<(), HandlerError>> {
    match event.downcast::<H::Event>() {
        Ok(event) => H::handle(event, services),
        // The bus looks handlers up by the type of the event, so this is never reached.
        Err(_) => Box::pin(ready(Err(HandlerError::permanent(
            "the event is of another type than the handler's",
        )))),
    }
}

fn invalidate<H: EventInvalidation>(event: &(dyn Any + Send + Sync), found: &mut Invalidations) {
    if let Some(event) = event.downcast_ref::<H::Event>() {
        H::invalidations(event, found);
    }
}
