//! Domain events: typed handlers, and invalidation of the cache by what happened.
//!
//! The code that writes tells what has happened and knows no cache. Handlers elsewhere know which keys
//! and tags that makes wrong:
//!
//! ```
//! use caching_core::{CacheKey, HybridCache, Tag};
//! use caching_events::{DomainEvent, EventBus, event_handler, invalidates};
//!
//! #[derive(CacheKey)]
//! #[cache_key(kind = "invoice", value = String, template = "{id}")]
//! struct InvoiceKey {
//!     id: u64,
//! }
//!
//! #[derive(DomainEvent)]
//! #[event(name = "invoice.paid")]
//! struct InvoicePaid {
//!     id: u64,
//!     customer: Option<u64>,
//! }
//!
//! // Checked by the compiler, with the event in scope.
//! #[invalidates(
//!     manual,
//!     key = InvoiceKey { id: event.id },
//!     tags = event.customer.map(|customer| Tag::of("customer", &customer)),
//! )]
//! fn invoice_paid(event: &InvoicePaid) {}
//!
//! #[derive(Clone)]
//! struct Mailer;
//!
//! // Parameters after the event are services, found by their type.
//! #[event_handler(manual)]
//! async fn thank(event: &InvoicePaid, mailer: Mailer) -> Result<(), std::io::Error> {
//!     mailer.send(event.id).await
//! }
//! # impl Mailer { async fn send(&self, _: u64) -> Result<(), std::io::Error> { Ok(()) } }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = HybridCache::builder().build()?;
//! let bus = EventBus::builder()
//!     .handler(invoice_paid::HANDLER)
//!     .handler(thank::HANDLER)
//!     .service(Mailer)
//!     .build(cache)?;
//!
//! bus.publish(InvoicePaid { id: 7, customer: None }).await?; // after the commit
//! # assert_eq!(bus.stats().invalidations_applied, 1);
//! # Ok(())
//! # }
//! ```
//!
//! In an app host, handlers say `module = InvoicesModule` instead of `manual`: they are then found
//! through a registry that the linker fills, and get the services of the application. A [`UnitOfWork`]
//! lets events go only after the commit of its transaction.
//!
//! # Rooms
//!
//! | room | holds |
//! | --- | --- |
//! | [`DomainEvent`] | what has happened, and whose it is |
//! | [`EventBus`], [`UnitOfWork`] | publishing: alone, and together with a transaction |
//! | [`macro@event_handler`], [`macro@invalidates`], [`Handler`] | what reacts to events |
//! | [`HandlerError`], [`DeadLetter`], [`EventStats`] | what came of it |
//! | [`EventsConfig`] | retries, limits, times |
//!
//! # Features
//!
//! | feature | on by default | what |
//! | --- | --- | --- |
//! | `host` | yes | `CachingEventsModule` and the registry of handlers; without it neither app-host nor inventory is in the tree |

mod bus;
mod cache;
mod config;
mod dead_letter;
mod delivery;
mod duration;
mod error;
mod event;
mod handler;
mod handler_error;
mod invalidations;
#[cfg(feature = "host")]
mod module;
mod services;
mod stats;
mod tasks;
mod unit_of_work;

pub use caching_core::ScopeText;
pub use caching_macros::{DomainEvent, event_handler, invalidates};

pub use crate::bus::{EventBus, EventBusBuilder};
pub use crate::config::EventsConfig;
pub use crate::dead_letter::DeadLetter;
pub use crate::delivery::Published;
pub use crate::error::{CommitError, EventBusBuildError, EventBusProblem, PublishError};
pub use crate::event::{DomainEvent, EventScope};
pub use crate::handler::{EventHandler, EventInvalidation, Handler};
pub use crate::handler_error::HandlerError;
pub use crate::invalidations::Invalidations;
#[cfg(feature = "host")]
pub use crate::module::{CachingEventsModule, ExpectHandler};
pub use crate::services::{HandlerServices, Parameter};
pub use crate::stats::EventStats;
pub use crate::unit_of_work::{Transaction, UnitOfWork};

/// Puts a handler into the registry; what the attributes expand to.
#[cfg(feature = "host")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register_handler {
    ($handler:expr) => {
        $crate::__private::inventory::submit! { $handler }
    };
}

/// Without the host there is no registry.
#[cfg(not(feature = "host"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register_handler {
    ($handler:expr) => {};
}

#[doc(hidden)]
pub mod __private {
    pub use caching_core::BoxFuture;
    #[cfg(feature = "host")]
    pub use inventory;

    pub use crate::handler_error::outcome;
}

/// The code of the guide, compiled as documentation tests.
#[cfg(all(doctest, feature = "host"))]
#[doc = include_str!("../../../docs/guides/events.md")]
pub struct Guide;
