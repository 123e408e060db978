//! How a cache stands with the store that it shares.

use std::time::Duration;

/// How a cache stands with the store that it shares, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SharedStatus {
    /// The name of the store, such as `redis`.
    pub l2: &'static str,
    /// How long what is kept here may still be given without hearing from the store; zero from its
    /// end on.
    pub lease_left: Duration,
    /// The bound on staleness that the deployment has agreed on.
    pub bound: Duration,
    /// Whether the last poll was answered.
    pub is_answering: bool,
    /// Whether notices are heard as they come; if not, the poll finds what they said.
    pub is_hearing: bool,
    /// Whether the store is left alone for a while, after failures in a row.
    pub is_left_alone: bool,
    /// How many invalidations wait to be sent. Other processes do not know of them.
    pub queued: usize,
}

impl SharedStatus {
    /// Whether what is kept here may be given.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        !self.lease_left.is_zero()
    }
}
