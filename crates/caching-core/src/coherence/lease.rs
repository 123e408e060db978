//! Until when the entries of L1 may be trusted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Tick;

/// The time up to which no invalidation can have been missed.
///
/// On L1 alone there is nobody to miss one from, and the lease lasts for ever.
#[derive(Debug)]
pub(crate) struct Lease(AtomicU64);

impl Lease {
    pub(crate) const fn for_ever() -> Self {
        Self(AtomicU64::new(Tick::NEVER.as_nanos()))
    }

    /// Whether an entry that is looked up after this may be trusted.
    ///
    /// `now` is read on this very call: a clock that ticks elsewhere can be starved.
    #[inline]
    pub(crate) fn holds(&self, now: Tick) -> bool {
        // Acquire: whoever sees a renewed lease also sees the invalidations that were applied
        // before it was renewed.
        now.as_nanos() < self.0.load(Ordering::Acquire)
    }

    /// Ends the lease: nothing that is kept is given from now on.
    pub(crate) fn end(&self) {
        self.0.store(0, Ordering::Release);
    }
}
