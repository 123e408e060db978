//! What a cache did, in numbers.

mod durations;
mod events;
mod explanation;
mod factories;
mod hits;
mod metrics;
mod propagation;
mod seldom;
mod status;
mod unheard;

use std::sync::atomic::{AtomicU64, Ordering};

pub use self::durations::Durations;
pub use self::events::{CacheEvent, EventKey, Events, EvictedValue, EvictionReason, FactoryEnd};
pub use self::explanation::{Explanation, KeptHere, KeptThere, Worth};
#[cfg(feature = "prometheus")]
pub use self::metrics::CacheCollector;
pub use self::metrics::{Metric, Reading};
pub use self::status::SharedStatus;

pub(crate) use self::durations::Measured;
pub(crate) use self::events::EventBus;
pub(crate) use self::factories::{FactoryMeter, factory_meter};
use self::hits::Hits;
pub(crate) use self::propagation::PropagationMeter;
pub(crate) use self::seldom::Seldom;
use crate::level::BreakReason;

/// Declares the counters once: the live ones, and the snapshot that users read.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a cache did since it was built. All numbers only grow, but for `entries`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
            /// Entries that L1 holds now, those past their life included until their room is needed.
            pub entries: u64,
        }

        /// The live counters of what is rarer than a hit.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            hits_by_line: Hits,
            l2_hits_by_line: Hits,
            $(pub(crate) $name: Counter,)*
        }

        impl Counters {
            /// The numbers now, without `entries`.
            pub(crate) fn snapshot(&self) -> Stats {
                let mut stats = Stats { $($name: self.$name.get(),)* entries: 0 };
                stats.hits += self.hits_by_line.sum();
                stats.l2_hits += self.l2_hits_by_line.sum();
                stats
            }
        }
    };
}

counters! {
    /// Reads that were answered with a fresh value from L1.
    hits,
    /// Reads that were answered with a stale value, and labelled so.
    stale_hits,
    /// Reads that found nothing to answer with, and ran a factory or had none.
    misses,
    /// Reads that waited for a factory which another caller had started.
    joins,
    /// Factories that returned a value, or that there is none.
    factory_successes,
    /// Factories that returned an error or panicked.
    factory_failures,
    /// Factories that ran into their hard limit.
    factory_timeouts,
    /// Factories that went on behind their callers, past their soft limit.
    background_loads,
    /// Refreshes that began before their entry was stale.
    eager_refreshes,
    /// Values that were stored.
    stores,
    /// Values that were not stored, since something was invalidated after their load began.
    refused_stores,
    /// Values that were kept for a short while at most, and by this process alone, since their source
    /// may have lagged behind an invalidation.
    lagging_loads,
    /// Entries whose room `reap` has given back.
    reaped,
    /// Keys that were removed or expired.
    invalidations,
    /// Tags, kinds, scopes and whole caches that were removed or expired.
    purges,
    /// Reads that were answered with a value from the shared store.
    l2_hits,
    /// Calls to the shared store that failed, or were not answered in time.
    l2_failures,
    /// Times that a record of the shared store could not be read: foreign, damaged, too large, not
    /// decrypted. A load that looks before and after it has its turn counts it twice.
    l2_unreadable,
    /// Values that could not be stored outside the process: too large, or not to be written.
    l2_unshared,
    /// Invalidations of this process that the shared store has applied.
    notices_sent,
    /// Notices of invalidations that were heard, own ones included.
    notices,
    /// Notices that came with one missing before them.
    gaps,
    /// Invalidations that were missed, and replayed.
    replays,
    /// Times that the lease ended before it was renewed: what was kept could not be given.
    lapses,
    /// Polls that were not answered.
    failed_polls,
    /// Times that what was missed could not be told, so that entries of before were not given.
    breaks,
    /// Breaks because the store was emptied, or began anew.
    breaks_epoch,
    /// Breaks because the store is another server, or was restarted.
    breaks_identity,
    /// Breaks because the store knew less than this process.
    breaks_behind,
    /// Breaks because the log no longer held what was missed.
    breaks_log,
    /// Invalidations that could not be sent, and were queued.
    queued,
    /// Messages with queued invalidations that were sent after all.
    resent,
}

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        // Relaxed: a count orders nothing.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// Counts a break by its reason.
    pub(crate) fn broke(&self, reason: BreakReason) {
        match reason {
            BreakReason::Start => {}
            BreakReason::Epoch => self.breaks_epoch.add(),
            BreakReason::Identity => self.breaks_identity.add(),
            BreakReason::Behind => self.breaks_behind.add(),
            BreakReason::Log => self.breaks_log.add(),
        }
    }

    /// Counts a fresh hit.
    #[inline]
    pub(crate) fn hit(&self) {
        self.hits_by_line.add();
    }

    /// Counts a fresh value from the shared store.
    pub(crate) fn l2_hit(&self) {
        self.l2_hits_by_line.add();
    }
}
