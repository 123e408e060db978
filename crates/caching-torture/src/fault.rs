//! The kinds of faults.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is done to servers, pods and what connects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// `redis-server` is killed, and starts with nothing.
    RestartEmpty,
    /// `redis-server` is killed, and starts with what it held a while ago.
    RestartOld,
    /// `redis-server` becomes the replica of one that holds what it held a while ago, and is promoted again; its
    /// connections live on.
    DemotedAndBack,
    /// What `redis-server` holds goes back to what it held a while ago, from one command to the next, as by a failover
    /// there and back: it is the same server with another data set, and its connections live on.
    DataBack,
    /// `redis-server` is stopped where it stands, for longer than the bound.
    ServerPaused,
    /// FLUSHALL
    Flushed,
    /// The log of invalidations is trimmed to nothing.
    LogTrimmed,
    /// The newest entries of the log are deleted.
    EntryDeleted,
    /// The control record is deleted, as by eviction.
    ControlDeleted,
    /// The number of the last invalidation is set back.
    NumberSetBack,
    /// SCRIPT FLUSH
    ScriptsFlushed,
    /// CLIENT KILL of all connections.
    ClientsKilled,
    /// A pod is killed, and another one started.
    PodKilled,
    /// A pod is stopped where it stands, for longer than the bound.
    PodPaused,
    /// The thread of a pod that hears notices and polls is kept busy, for longer than the bound, while its readers
    /// go on.
    PodStarved,
    /// What a pod sends is swallowed.
    SwallowedToServer,
    /// What a pod is sent is swallowed.
    SwallowedToClient,
    /// Both are.
    SwallowedBothWays,
    /// What a pod is sent is held back, and comes late.
    HeldBack,
    /// A pod's connections are reset, and so is each new one for a while.
    Cut,
    /// A pod's connections are reset, and made anew over a link on which everything takes long: notices are lost
    /// meanwhile, and later ones come before the next poll is answered.
    CutAndDelayed,
    /// Everything between a pod and the server takes long.
    Delayed,
    /// Between a pod and the server there are few bytes a second.
    Slow,
    /// Loads are held back with what they have read, while invalidations pass.
    LoadsHeld,
}

impl Fault {
    /// What is done to the server, and how often in comparison.
    pub(crate) const ON_SERVER: &[(Self, u32)] = &[
        (Self::RestartEmpty, 3),
        (Self::RestartOld, 3),
        (Self::DemotedAndBack, 2),
        (Self::DataBack, 3),
        (Self::ServerPaused, 3),
        (Self::Flushed, 3),
        (Self::LogTrimmed, 2),
        (Self::EntryDeleted, 2),
        (Self::ControlDeleted, 2),
        (Self::NumberSetBack, 2),
        (Self::ScriptsFlushed, 2),
        (Self::ClientsKilled, 2),
    ];

    /// What is done to one pod or its link, and how often in comparison.
    pub(crate) const ON_PODS: &[(Self, u32)] = &[
        (Self::PodKilled, 2),
        (Self::PodPaused, 3),
        (Self::PodStarved, 2),
        (Self::SwallowedToServer, 2),
        (Self::SwallowedToClient, 3),
        (Self::SwallowedBothWays, 2),
        (Self::HeldBack, 2),
        (Self::Cut, 2),
        (Self::CutAndDelayed, 2),
        (Self::Delayed, 2),
        (Self::Slow, 1),
    ];

    /// What is done to the source.
    pub(crate) const ON_SOURCE: &[(Self, u32)] = &[(Self::LoadsHeld, 1)];
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RestartEmpty => "redis killed, back empty",
            Self::RestartOld => "redis killed, back with old data",
            Self::DemotedAndBack => "redis demoted to old data and back",
            Self::DataBack => "data back under live connections",
            Self::ServerPaused => "redis paused",
            Self::Flushed => "FLUSHALL",
            Self::LogTrimmed => "log trimmed",
            Self::EntryDeleted => "log entries deleted",
            Self::ControlDeleted => "control record deleted",
            Self::NumberSetBack => "number set back",
            Self::ScriptsFlushed => "SCRIPT FLUSH",
            Self::ClientsKilled => "CLIENT KILL",
            Self::PodKilled => "pod killed",
            Self::PodPaused => "pod paused",
            Self::PodStarved => "pod starved",
            Self::SwallowedToServer => "swallowed to the server",
            Self::SwallowedToClient => "swallowed to the pod",
            Self::SwallowedBothWays => "swallowed both ways",
            Self::HeldBack => "held back and late",
            Self::Cut => "connections cut",
            Self::CutAndDelayed => "cut, and back over a slow link",
            Self::Delayed => "link delayed",
            Self::Slow => "link slow",
            Self::LoadsHeld => "loads held across writes",
        })
    }
}
