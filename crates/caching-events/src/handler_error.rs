//! Why a handler did not do its work, and whether trying again can help.

use std::fmt;

use caching_core::BoxError;

/// Why a handler did not do its work.
///
/// Every error converts into one with `?` and is then tried again. What no second try can change is
/// said to be permanent:
///
/// ```
/// use caching_events::{DomainEvent, HandlerError, event_handler};
///
/// #[derive(DomainEvent)]
/// #[event(name = "invoice.paid")]
/// struct InvoicePaid {
///     address: String,
/// }
///
/// #[event_handler(manual)]
/// async fn notify(event: &InvoicePaid) -> Result<(), HandlerError> {
///     if !event.address.contains('@') {
///         return Err(HandlerError::permanent("the invoice has no address to write to"));
///     }
///     deliver(&event.address).await?; // any other error: tried again
///     Ok(())
/// }
/// # async fn deliver(_: &str) -> Result<(), std::io::Error> { Ok(()) }
/// ```
///
/// It is no `std::error::Error` itself, so that every error can become one.
pub struct HandlerError {
    source: BoxError,
    permanent: bool,
}

impl HandlerError {
    /// An error that no second try can change: the handler's event goes to the dead letters at once.
    pub fn permanent(source: impl Into<BoxError>) -> Self {
        Self {
            source: source.into(),
            permanent: true,
        }
    }

    /// Whether trying again cannot help.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        self.permanent
    }

    pub(crate) fn into_source(self) -> BoxError {
        self.source
    }
}

impl<E: Into<BoxError>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self {
            source: error.into(),
            permanent: false,
        }
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError")
            .field("source", &self.source)
            .field("permanent", &self.permanent)
            .finish()
    }
}

/// What a handler returned, as the bus takes it.
#[doc(hidden)]
pub fn outcome<E: Into<HandlerError>>(returned: Result<(), E>) -> Result<(), HandlerError> {
    returned.map_err(Into::into)
}
