//! A domain event: something that has happened, told after the commit.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

/// Something that has happened, such as "an invoice was paid".
///
/// Derive it:
///
/// ```
/// use caching_events::DomainEvent;
///
/// #[derive(DomainEvent)]
/// #[event(name = "invoice.paid")]
/// struct InvoicePaid {
///     id: u64,
/// }
///
/// assert_eq!(InvoicePaid::NAME, "invoice.paid");
/// ```
///
/// An event carries what its handlers need in order to know which keys and tags are touched: the ids,
/// and where something moved, the old one and the new one. It knows no cache.
///
/// # Whose event it is
///
/// | attribute | scope of the event |
/// | --- | --- |
/// | none | the publisher's, captured when [`publish`](crate::EventBus::publish) or [`raise`](crate::UnitOfWork::raise) is called |
/// | `scope = tenant` | the one that the field `tenant` names; its type is [`ScopeText`](crate::ScopeText) |
/// | `scope = shared` | everybody's |
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a domain event",
    label = "not a domain event",
    note = "derive it: `#[derive(DomainEvent)] #[event(name = \"invoice.paid\")]`"
)]
pub trait DomainEvent: Send + Sync + 'static {
    /// The name in logs, counters and dead letters: lower_snake words joined by dots.
    const NAME: &'static str;

    /// Whose event it is.
    fn scope(&self) -> EventScope<'_> {
        EventScope::Publisher
    }
}

/// Whose event it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventScope<'a> {
    /// The scope in which it was published.
    Publisher,
    /// Everybody's.
    Shared,
    /// The scope with this text, as [`KeyScope::parse`](caching_core::KeyScope::parse) reads it:
    /// `t:acme`.
    Text(Cow<'a, str>),
}

/// An event behind the pointer that its handlers share.
pub(crate) type AnyEvent = Arc<dyn Any + Send + Sync>;
