//! The seam to a store that processes share.

use std::time::Duration;

use async_trait::async_trait;

use crate::coherence::{Asof, Change, Epoch, Partition};
use crate::error::BoxError;
use crate::tag::Tag;

/// A store that processes share, and the sequence of invalidations that guards it.
///
/// Each operation is one round trip and acts on one partition, as a whole or not at all. An
/// implementation keeps, for each partition, a control record: an epoch, the number of the last
/// invalidation, and for each stripe of keys the number of the last one that touched it. From these
/// follows the one rule: **a value may be stored only where nothing was invalidated since before its
/// load began.**
///
/// Implementations never retry, never reconnect behind the caller's back into another state of the
/// data, and never answer from a replica.
#[async_trait]
pub trait L2: Send + Sync + 'static {
    /// A short name for logs and the report, such as `redis`.
    fn name(&self) -> &'static str;

    /// How many partitions there are. Fixed for a deployment.
    fn partitions(&self) -> u16;

    /// The partition of a key, by its physical text.
    fn partition_of(&self, physical_key: &str) -> Partition;

    /// Reads a record, and before it, in the same round trip, what is known of its partition: the
    /// number in the answer is a lower bound of the record's freshness.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; the read is then a miss.
    async fn read(&self, address: Address<'_>) -> Result<ReadAnswer, L2Error>;

    /// Stores a record whose load began at `asof`, if the one rule allows it.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; the record is then not stored, and what was there stays.
    async fn fill(
        &self,
        address: Address<'_>,
        record: &Record,
        asof: Asof,
    ) -> Result<FillAnswer, L2Error>;

    /// Applies invalidations of one partition: changes the records, advances the sequence by one,
    /// touches the stripes, appends to the log and sends the notice, in one step. Also where no
    /// record was there.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; whether it was applied is then unknown, and it is sent again.
    async fn invalidate(&self, partition: Partition, change: &Change) -> Result<Asof, L2Error>;

    /// Asks what happened in a partition after `known`.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; the lease is then not renewed.
    async fn poll(&self, partition: Partition, known: Asof) -> Result<PollAnswer, L2Error>;

    /// Closes every connection. Operations fail from now on.
    async fn close(&self);
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Address<'a> {
    /// The partition of the key.
    pub partition: Partition,
    /// The key as it stands in the store: `prefix:scope:kind:text`.
    pub physical_key: &'a str,
    /// Codec and version of the value's type. Two versions of a program neither read each other's
    /// bytes nor escape each other's invalidations: those are of the key.
    pub field: &'a str,
}

impl<'a> Address<'a> {
    /// The record of a key, in the form of a codec and version.
    #[must_use]
    pub const fn new(partition: Partition, physical_key: &'a str, field: &'a str) -> Self {
        Self {
            partition,
            physical_key,
            field,
        }
    }
}

/// A value as it is stored, with what decides whether it may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The envelope with the value; empty for "there is none".
    pub payload: Vec<u8>,
    /// How long the value is fresh, from when it is stored.
    pub duration: Duration,
    /// How much longer it is kept, as a fallback.
    pub retention: Duration,
    /// The tags of the value.
    pub tags: Vec<Tag>,
    /// The tag clock before the value was loaded.
    pub tag_clock: u64,
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAnswer {
    /// What was known of the partition before the record was read.
    pub at: Asof,
    /// The record, unless there is none in this field.
    pub found: Option<FoundRecord>,
}

/// A record, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRecord {
    /// The record as it was stored.
    pub record: Record,
    /// The epoch in which it was stored; a record of another one is a miss.
    pub epoch: Epoch,
    /// How long the store still keeps it, fallback included.
    pub remaining: Duration,
    /// Whether it was expired: a fallback from then on.
    pub is_expired: bool,
}

/// What became of a fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FillAnswer {
    /// Stored; the value holds as of this number.
    Stored(Asof),
    /// Something was invalidated since before the load began.
    Refused(Asof),
}

/// What happened since the number that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PollAnswer {
    /// Nothing.
    UpToDate,
    /// These invalidations, in order and without a gap.
    Replay {
        /// Each with its number.
        changes: Vec<(Asof, Change)>,
        /// Whether there are more to ask for.
        more: bool,
    },
    /// What happened cannot be told: nothing of before may be trusted.
    Break {
        /// From where to go on.
        at: Asof,
        /// The tag clock now.
        tag_clock: u64,
        /// The bound on staleness that the deployment has agreed on.
        bound: Duration,
    },
}

/// Why an operation failed: what the cache has to know, and what people want to.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {source}")]
pub struct L2Error {
    /// What the cache decides by.
    pub kind: L2ErrorKind,
    /// What happened, for people.
    pub source: BoxError,
}

/// What the cache decides by when an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum L2ErrorKind {
    /// The store cannot be reached, or is not the one that may answer.
    #[error("the shared store is unavailable")]
    Unavailable,
    /// It did not answer in time; whether it did what was asked is unknown.
    #[error("the shared store did not answer in time")]
    Timeout,
    /// It refused, and will refuse again: out of memory, not allowed, another deployment's data.
    #[error("the shared store refused")]
    Rejected,
}
