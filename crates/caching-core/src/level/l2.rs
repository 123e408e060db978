//! The seam to a store that processes share.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;

use crate::coherence::{Applied, Asof, Change, Epoch, Partition};
use crate::error::BoxError;
use crate::key::KeyName;
use crate::tag::Tag;

/// A store that processes share, and the sequence of invalidations that guards it.
///
/// Each operation is one round trip and acts on one partition, as a whole or not at all. An
/// implementation keeps, for each partition, a control record: an epoch, the number of the last
/// invalidation, the tag clock, and for each stripe of keys the number of the last invalidation that
/// touched it. From these follows the one rule: **a value may be stored only where nothing was
/// invalidated since before its load began.**
///
/// The record of a key holds one value a *field* (a codec and a version of the value's type). Fields
/// live side by side, each with its own life; an invalidation is of the key and concerns all of them. Of more
/// than 256 fields of a key, those that were stored first may go.
///
/// Implementations never retry, never reconnect behind the caller's back into another state of the
/// data, and never answer from a replica. An operation whose future is dropped may still happen.
#[async_trait]
pub trait L2: Send + Sync + 'static {
    /// A short name for logs and the report, such as `redis`.
    fn name(&self) -> &'static str;

    /// Tells what deployment this is, once, before anything else. It opens nothing.
    fn open(&self, deployment: &Deployment);

    /// How many partitions there are. Fixed for a deployment.
    fn partitions(&self) -> u16;

    /// The partition of a key.
    fn partition_of(&self, key: &KeyName) -> Partition;

    /// Reads a record, and before it, in the same round trip, what is known of its partition: the
    /// number in the answer is a lower bound of the record's freshness.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; the read is then a miss. What stands there and cannot be understood is no error
    /// but [`Find::Unreadable`].
    async fn read(&self, address: Address<'_>) -> Result<ReadAnswer, L2Error>;

    /// Reads several records of one partition, each as [`read`](Self::read) does; the answers in the order of the
    /// addresses. Where that can be done in one round trip, an implementation does so. What is no record at all may
    /// then be [`Find::Nothing`].
    ///
    /// # Errors
    ///
    /// [`L2Error`]; all of them are then misses.
    async fn read_many(&self, addresses: &[Address<'_>]) -> Result<Vec<ReadAnswer>, L2Error> {
        try_join_all(addresses.iter().map(|address| self.read(*address))).await
    }

    /// Stores a record whose load began at `asof`, if the one rule allows it. It replaces what is in
    /// its field; where the key was expired, the other fields go too. A `claim` that this process
    /// holds on the record is released with it, stored or not.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; the record is then not stored, and what was there stays.
    async fn fill(
        &self,
        address: Address<'_>,
        record: &Record,
        asof: Asof,
        claim: Option<Claim>,
    ) -> Result<FillAnswer, L2Error>;

    /// Invalidates a key and stores a record under it in one step: the last writer wins.
    ///
    /// With `since`, it is stored only if the key was not invalidated after that; the key is
    /// invalidated in any case.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; whether it was done is then unknown.
    async fn put(
        &self,
        address: Address<'_>,
        record: &Record,
        since: Option<Asof>,
    ) -> Result<PutAnswer, L2Error>;

    /// Applies an invalidation: changes the records, advances the sequence by one, touches the
    /// stripes, appends to the log and sends the notice, in one step. Also where no record was
    /// there. For a group it advances the tag clock, and no record is touched.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; whether it was applied is then unknown, and it is sent again.
    async fn invalidate(&self, partition: Partition, change: &Change) -> Result<Applied, L2Error>;

    /// When groups were last purged, on the tag clock: for records from before a process came up.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; records that depend on the answer are then misses.
    async fn purged(
        &self,
        partition: Partition,
        groups: &[String],
    ) -> Result<PurgedAnswer, L2Error>;

    /// Takes the right to load a record, for so long at most; false if another process has it.
    ///
    /// It spares loads and guards nothing: correctness is the one rule's.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; the record is then loaded without.
    async fn claim(
        &self,
        address: Address<'_>,
        claim: Claim,
        at_most: Duration,
    ) -> Result<bool, L2Error>;

    /// Gives the right back, if this claim still has it.
    ///
    /// # Errors
    ///
    /// [`L2Error`]; the right then ends with its time.
    async fn release(&self, address: Address<'_>, claim: Claim) -> Result<(), L2Error>;

    /// Asks what happened in a partition after `known`. A process that knows nothing sends
    /// [`Asof::default`], and is answered with [`PollAnswer::Break`].
    ///
    /// # Errors
    ///
    /// [`L2Error`]; the lease is then not renewed.
    async fn poll(&self, partition: Partition, known: Asof) -> Result<PollAnswer, L2Error>;

    /// Closes every connection. Operations fail from now on.
    async fn close(&self);
}

/// What the processes that share a store agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deployment {
    /// What stands before every key and channel.
    pub key_prefix: String,
    /// The bound on staleness: how long a process may serve what it keeps without hearing from the
    /// store. The store holds what the first process brought, and all others adopt it.
    pub bound: Duration,
    /// How many stripes the keys are spread over.
    pub stripes: u16,
}

impl Deployment {
    /// A deployment with this prefix and bound.
    #[must_use]
    pub fn new(key_prefix: impl Into<String>, bound: Duration) -> Self {
        Self {
            key_prefix: key_prefix.into(),
            bound,
            stripes: KeyName::STRIPES,
        }
    }
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Address<'a> {
    /// The partition of the key.
    pub partition: Partition,
    /// The key.
    pub key: &'a KeyName,
    /// Codec and version of the value's type. Two versions of a program neither read each other's
    /// bytes nor escape each other's invalidations: those are of the key.
    pub field: &'a str,
}

impl<'a> Address<'a> {
    /// The record of a key, in the form of a codec and version.
    #[must_use]
    pub const fn new(partition: Partition, key: &'a KeyName, field: &'a str) -> Self {
        Self {
            partition,
            key,
            field,
        }
    }
}

/// A value to be stored, with what decides whether it may be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The envelope with the value.
    pub payload: Vec<u8>,
    /// How long the value is fresh, from when it is stored.
    pub duration: Duration,
    /// How long it is kept as a fallback after that.
    pub retention: Duration,
    /// The tags of the value.
    pub tags: Vec<Tag>,
    /// The tag clock before the value was loaded.
    pub tag_clock: u64,
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAnswer {
    /// What was known of the partition before the record was read; `None` where it has no control
    /// record, so that nothing in it can be trusted.
    pub at: Option<Asof>,
    /// The tag clock then.
    pub tag_clock: u64,
    /// What stands in the field.
    pub found: Find,
}

/// What stands in the field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Find {
    /// Nothing.
    Nothing,
    /// A value.
    Record(FoundRecord),
    /// Something that this store did not write; why, for people and without the bytes.
    Unreadable(&'static str),
}

/// A record, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRecord {
    /// The envelope with the value.
    pub payload: Vec<u8>,
    /// The tags of the value.
    pub tags: Vec<Tag>,
    /// The tag clock before the value was loaded.
    pub tag_clock: u64,
    /// The epoch in which it was stored; a record of another one is a miss.
    pub epoch: Epoch,
    /// How long it is still fresh; zero from its end on, and where the key was expired.
    pub fresh_for: Duration,
    /// How long the store still keeps it.
    pub kept_for: Duration,
}

/// The right to load a record; each one is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim(u64);

impl Claim {
    /// The claim with these random bits.
    #[must_use]
    pub const fn new(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
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

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PutAnswer {
    /// Invalidated at this number, and stored.
    Stored(Applied),
    /// Invalidated at this number, and not stored: something else was in between.
    Invalidated(Applied),
}

/// When groups were last purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgedAnswer {
    /// The epoch in which they are counted, read after them; `None` where there is no control record.
    pub epoch: Option<Epoch>,
    /// Of each group that was asked for, in that order.
    pub times: Vec<PurgeTimes>,
    /// Purges up to here are no longer known one by one: what was loaded before it is a miss.
    pub floor: u64,
}

/// When a group was last purged, on the tag clock; zero for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PurgeTimes {
    /// By a remove.
    pub removed: u64,
    /// By an expire.
    pub expired: u64,
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
        /// Why, for people and metrics.
        reason: BreakReason,
    },
}

/// Why a poll could not be answered with what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakReason {
    /// The process knew nothing yet: it has just come up.
    Start,
    /// The process knows another epoch: the store was emptied, or made a new one for another reason.
    Epoch,
    /// The store is another server, or was restarted.
    Identity,
    /// The store knows less than the process: it lost a tail.
    Behind,
    /// The log no longer holds all that was missed.
    Log,
}

impl BreakReason {
    /// A word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Epoch => "epoch",
            Self::Identity => "identity",
            Self::Behind => "behind",
            Self::Log => "log",
        }
    }
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

impl L2Error {
    /// An error of a kind, with what happened.
    pub fn new(kind: L2ErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }
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
    /// It has no room for a value. Invalidations still work.
    #[error("the shared store is full")]
    Full,
    /// It refused, and will refuse again: not allowed, or another deployment's data.
    #[error("the shared store refused")]
    Rejected,
}
