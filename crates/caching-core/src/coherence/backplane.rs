//! The seam through which processes hear of each other's invalidations.

use async_trait::async_trait;

use crate::coherence::{Asof, Mode};
use crate::error::BoxError;
use crate::key::KeyName;
use crate::level::Deployment;
use crate::scope::BoxFuture;

/// A part of the keys that has a sequence of its own: one for a single server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u16);

impl Partition {
    /// The partition with this number, from 0 on.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// What an invalidation changed. It names keys and groups, and never carries a value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// These keys.
    Keys {
        /// The keys.
        keys: Vec<KeyName>,
        /// Whether they are gone, or stale from now on.
        mode: Mode,
    },
    /// A group of entries, at a time of the tag clock.
    Group {
        /// `*` for everything, `SCOPE` for a scope, `SCOPE kind:KIND` and `SCOPE tag:TAG` within one.
        group: String,
        /// The tag clock of the purge; `0` where the store has yet to give one.
        clock: u64,
        /// Whether it is gone, or stale from now on.
        mode: Mode,
    },
}

/// An invalidation that the store has applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub at: Asof,
    /// The tag clock after it.
    pub tag_clock: u64,
}

/// A message: an invalidation with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The partition whose sequence the number is of.
    pub partition: Partition,
    /// The number.
    pub at: Asof,
    /// What was invalidated.
    pub change: Change,
}

/// Delivers notices: soon, and without a promise.
///
/// Notices may be lost, late or doubled. What was missed is found by polling the store; a backplane
/// only makes it quick.
#[async_trait]
pub trait Backplane: Send + Sync + 'static {
    /// A short name for logs and the report.
    fn name(&self) -> &'static str;

    /// Tells what deployment this is, once, before anything else. It opens nothing.
    fn open(&self, deployment: &Deployment);

    /// Subscribes to the notices of all partitions, and gives each to `listener`. The returned future
    /// drives the subscription: it ends, with why, when the connection is lost, and dropping it ends
    /// the subscription. When this returns, the store knows of the subscription.
    ///
    /// # Errors
    ///
    /// When the subscription cannot be made.
    async fn subscribe(
        &self,
        listener: Box<dyn Fn(Notice) + Send + Sync>,
    ) -> Result<BoxFuture<'static, BoxError>, BoxError>;

    /// Closes every connection.
    async fn close(&self);
}
