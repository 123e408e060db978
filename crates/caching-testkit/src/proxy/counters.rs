//! What has happened at a proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`FaultProxy`](crate::FaultProxy) has seen since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyCounters {
    /// Connections that were let in.
    pub accepted: u64,
    /// Connections that were reset at once, during a cut.
    pub refused: u64,
    /// Connections that were reset by the proxy while they were open.
    pub reset: u64,
    /// Bytes delivered to the server.
    pub to_server: u64,
    /// Bytes delivered to clients.
    pub to_client: u64,
    /// Bytes swallowed, both ways.
    pub swallowed: u64,
}

/// Counted by every connection. Relaxed throughout: they are read as numbers, and nothing follows from one
/// about another.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) reset: AtomicU64,
    pub(super) swallowed: AtomicU64,
    pub(super) delivered: Delivered,
}

/// Bytes that have arrived, by direction.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    pub(super) to_server: AtomicU64,
    pub(super) to_client: AtomicU64,
}

impl Counters {
    pub(super) fn read(self: &Arc<Self>) -> ProxyCounters {
        ProxyCounters {
            accepted: get(&self.accepted),
            refused: get(&self.refused),
            reset: get(&self.reset),
            to_server: get(&self.delivered.to_server),
            to_client: get(&self.delivered.to_client),
            swallowed: get(&self.swallowed),
        }
    }

    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

pub(super) fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
