//! Counters of an event bus.

use std::sync::atomic::{AtomicU64, Ordering};

/// One counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        // Relaxed: a count orders nothing.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Writes the counters of a bus and what is read of them, with the same names.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Counter,)*
        }

        /// What an event bus has done since it was built.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct EventStats {
            $($(#[$doc])* pub $name: u64,)*
            /// Handlers that are running or waiting now, retries of invalidations included.
            pub pending: u64,
        }

        impl Counters {
            pub(crate) fn read(&self, pending: usize) -> EventStats {
                EventStats {
                    $($name: self.$name.get(),)*
                    pending: pending as u64,
                }
            }
        }
    };
}

counters! {
    /// Events that were published, alone or by a unit of work.
    published,
    /// Invalidations that the cache applied.
    invalidations_applied,
    /// Invalidations that the cache keeps until it can apply them.
    invalidations_queued,
    /// Tries of invalidations that failed.
    invalidations_failed,
    /// Invalidations for which whole kinds and tags were cleared instead.
    fallbacks,
    /// Handlers that did their work.
    handled,
    /// Tries of handlers that failed.
    handlers_failed,
    /// Tries after the first one, of handlers and invalidations.
    retries,
    /// Handlers and invalidations that were given up.
    dead_lettered,
    /// Units of work that were committed.
    commits,
    /// Units of work that were committed without an event: a write path that forgot to raise one.
    silent_commits,
    /// Events that vanished with a unit of work that was not committed.
    discarded,
}
