//! What happened: commits, reads, invalidations and faults, with their times.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// Everything that a run has noted.
///
/// What a pod had not reported yet when it was killed is missing: that can hide a violation, and never make one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many keys there are; they are numbered from 0.
    pub keys: u64,
    /// How many tags there are. A key carries the tag of its number modulo this.
    pub tags: u64,
    /// How long after an invalidation another pod may still give what was there before it.
    pub bound: Duration,
    /// What the source took, for each key in order of version.
    pub commits: Vec<Commit>,
    /// What pods read.
    pub reads: Vec<Read>,
    /// What pods invalidated.
    pub invalidations: Vec<Invalidation>,
    /// What was done to them.
    pub faults: Vec<Happened>,
    /// What was found where, once everything was healed.
    pub resting: Vec<Resting>,
}

impl History {
    /// The tag of a key.
    #[must_use]
    pub const fn tag_of(&self, key: u64) -> u64 {
        key % self.tags
    }
}

/// A version of a key that the source has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The key.
    pub key: u64,
    /// Its version, counted from 1; a key that was never written has 0.
    pub version: u64,
    /// When every load that begins sees it.
    pub at: Moment,
}

/// How a read came to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It was kept in the pod.
    L1,
    /// It was kept in Redis.
    L2,
    /// The reader's own load brought it.
    Load,
    /// A load that another reader had begun brought it.
    Joined,
    /// It was labelled stale.
    Stale,
}

/// A read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The number of the pod; one that is started anew has a new one.
    pub pod: u32,
    /// The key.
    pub key: u64,
    /// The version that was given.
    pub version: u64,
    /// How it came there.
    pub how: How,
    /// Read before the call.
    pub begun: Moment,
    /// Read after it.
    pub ended: Moment,
}

/// What was invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// `remove(key)`
    Remove(u64),
    /// `expire(key)`
    Expire(u64),
    /// `set(key, version).since(ticket)`
    Set(u64, u64),
    /// `remove_by_tag(tag)`
    RemoveTag(u64),
    /// `expire_by_tag(tag)`
    ExpireTag(u64),
    /// `clear()`
    Clear,
}

/// What a pod was told about its invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It holds everywhere, within the bound.
    Applied,
    /// It holds in the pod, and is sent later.
    Queued,
    /// It was refused.
    Failed,
}

/// An invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invalidation {
    /// The number of the pod.
    pub pod: u32,
    /// What was invalidated.
    pub what: What,
    /// What became of it.
    pub answer: Answer,
    /// Read before the call.
    pub begun: Moment,
    /// Read after it.
    pub ended: Moment,
}

/// A fault that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// Its kind.
    pub fault: crate::Fault,
    /// What it hit, and what came of it.
    pub detail: String,
    /// When it began.
    pub begun: Moment,
    /// When it was healed.
    pub ended: Moment,
    /// Whether its effect was observed. Others prove nothing and do not count.
    pub is_effective: bool,
}

/// A value as it was found when everything was healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resting {
    /// The number of the pod.
    pub pod: u32,
    /// The key.
    pub key: u64,
    /// The version that was found.
    pub found: u64,
    /// The version that the source has.
    pub source: u64,
    /// Where it was found.
    pub how: How,
}

/// How often each thing happened that a pod counts, by name.
pub type Counts = std::collections::BTreeMap<String, u64>;
