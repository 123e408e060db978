//! Until when the entries of L1 may be trusted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Tick;

/// The time up to which no invalidation can have been missed.
///
/// On L1 alone there is nobody to miss one from, and the lease lasts for ever.
#[derive(Debug)]
pub(crate) struct Lease {
    until: AtomicU64,
    /// The last time until which it lasted before it was ended early, if it was.
    last: AtomicU64,
}

impl Lease {
    const fn lasting(until: Tick) -> Self {
        Self {
            until: AtomicU64::new(until.as_nanos()),
            last: AtomicU64::new(until.as_nanos()),
        }
    }

    pub(crate) const fn for_ever() -> Self {
        Self::lasting(Tick::NEVER)
    }

    /// That of a process which has heard nothing yet.
    pub(crate) const fn over() -> Self {
        Self::lasting(Tick::ZERO)
    }

    /// Whether an entry that is looked up after this may be trusted.
    ///
    /// `now` is read on this very call: a clock that ticks elsewhere can be starved.
    #[inline]
    pub(crate) fn holds(&self, now: Tick) -> bool {
        // Acquire: whoever sees a renewed lease also sees the invalidations that were applied
        // before it was renewed.
        now.as_nanos() < self.until.load(Ordering::Acquire)
    }

    /// Lets the lease last until then.
    pub(crate) fn set(&self, until: Tick) {
        // Release: pairs with `holds`.
        self.until.store(until.as_nanos(), Ordering::Release);
        // Relaxed: says only for how long stale values may be given, labelled so, and what is heard of
        // late; to see an older one is to be careful.
        self.last.fetch_max(until.as_nanos(), Ordering::Relaxed);
    }

    /// Until when it lasts.
    pub(crate) fn until(&self) -> Tick {
        Tick::from_nanos(self.until.load(Ordering::Acquire))
    }

    /// Until when it lasted or would have, had it not been ended.
    pub(crate) fn lapsed_at(&self) -> Tick {
        Tick::from_nanos(self.last.load(Ordering::Relaxed))
    }
}
