//! An event on its way: with its scope, captured when it was published.

use std::sync::Arc;

use caching_core::ScopeId;
use tracing::Span;

use crate::bus::{Route, Seat, Shared};
use crate::error::PublishError;
use crate::event::{AnyEvent, DomainEvent, EventScope};

/// An event on its way.
pub(crate) struct Envelope {
    pub(crate) event: AnyEvent,
    pub(crate) name: &'static str,
    pub(crate) scope: ScopeId,
    /// The publisher's span, which handlers show as their parent.
    pub(crate) span: Span,
    /// None where nobody handles such an event.
    route: Option<Arc<Route>>,
}

impl Envelope {
    /// Captures what belongs to the event now.
    pub(crate) fn seal<E: DomainEvent>(shared: &Shared, event: E) -> Result<Self, PublishError> {
        let scope = match event.scope() {
            EventScope::Publisher => shared.scope.current(),
            EventScope::Shared => Ok(ScopeId::SHARED),
            EventScope::Text(text) => shared.scope.parse(&text),
        };
        let scope = scope.map_err(|source| PublishError::NoScope {
            event: E::NAME,
            source,
        })?;
        Ok(Self {
            event: Arc::new(event),
            name: E::NAME,
            scope,
            span: Span::current(),
            route: shared.route::<E>(),
        })
    }

    pub(super) fn invalidations(&self) -> &[Arc<Seat>] {
        self.route
            .as_ref()
            .map_or(&[], |route| &route.invalidations)
    }

    pub(super) fn handlers(&self) -> &[Arc<Seat>] {
        self.route.as_ref().map_or(&[], |route| &route.handlers)
    }
}
