//! What the driver tells a pod, and what it answers.

use serde::{Deserialize, Serialize};

use crate::history::Counts;

/// What the driver tells a pod.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Waits until Redis has answered once, for a second at most.
    Start,
    /// Lets the readers and writers begin.
    Begin,
    /// Lets them end. Answered when they have.
    End,
    /// How the pod is.
    Status,
    /// Removes these keys.
    Remove(Vec<u64>),
    /// Reads every key, with a load where there is nothing.
    ReadAll,
    /// Looks at what the pod itself keeps of every key.
    PeekAll,
    /// Reads every key without a load.
    GetAll,
    /// Keeps the thread from running on which connections, polls and notices are served, for so many
    /// milliseconds.
    Starve(u64),
}

/// How a pod is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Whether what it keeps may be given.
    pub is_current: bool,
    /// Invalidations that wait to be sent.
    pub queued: usize,
    /// What its cache has counted.
    pub counts: Counts,
}
