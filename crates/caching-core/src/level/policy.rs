//! Who stays in L1 when room gets short: moka's TinyLFU, told of a sample of the uses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::notification::RemovalCause;
use moka::policy::Expiry;

use crate::key::{BuildPrehashed, StoredKey};
use crate::level::l1::Index;

/// The policy of L1. It knows keys, never values.
///
/// Told of the misses and of one use a key and batch, it keeps as good a hit ratio as if it were
/// told of each hit. Source of the policy: Einziger, Friedman, Manes, *TinyLFU: A Highly Efficient
/// Cache Admission Policy*, ACM Transactions on Storage 13(4), 2017.
pub(crate) struct Policy {
    seats: moka::sync::Cache<StoredKey, Seat, BuildPrehashed>,
    max_entries: u64,
}

/// What the policy keeps of an entry.
#[derive(Clone, Copy)]
struct Seat {
    generation: u64,
    remaining: Duration,
}

impl Policy {
    pub(crate) fn new(max_entries: u64, index: Arc<Index>) -> Self {
        let seats = moka::sync::Cache::builder()
            .max_capacity(max_entries)
            .expire_after(Retention)
            .eviction_listener(move |key: Arc<StoredKey>, seat: Seat, cause| {
                // What was removed or replaced, its caller has taken care of. The generation tells
                // an entry that was put here meanwhile from the one that has to leave. No lock of
                // ours is taken here: the caller may hold one of any stripe.
                if matches!(cause, RemovalCause::Size | RemovalCause::Expired) {
                    let _ = index.pin().remove_if(&key.as_ref().as_ref(), |_, entry| {
                        entry.generation == seat.generation
                    });
                }
            })
            .build_with_hasher(BuildPrehashed::default());
        Self { seats, max_entries }
    }

    /// Whether somebody may soon have to leave, so that it matters who is used.
    #[inline]
    pub(crate) fn is_selective(&self) -> bool {
        self.seats.entry_count() >= self.max_entries / 2
    }

    /// Counts a use of a key, whether it is here or not.
    pub(crate) fn used(&self, key: &StoredKey) {
        self.seats.get(key);
    }

    /// Gives a key a seat, for at most as long as its entry is kept.
    pub(crate) fn admit(&self, key: &StoredKey, generation: u64, remaining: Duration) {
        self.seats.insert(
            key.clone(),
            Seat {
                generation,
                remaining,
            },
        );
    }

    pub(crate) fn forget(&self, key: &StoredKey) {
        self.seats.invalidate(key);
    }

    #[cfg(test)]
    pub(crate) fn tidy(&self) {
        self.seats.run_pending_tasks();
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> u64 {
        self.seats.entry_count()
    }
}

/// Gives a seat up when the retention of its entry ends.
struct Retention;

/// moka adds durations to the clock's time, which has an end.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl Expiry<StoredKey, Seat> for Retention {
    fn expire_after_create(&self, _: &StoredKey, seat: &Seat, _: Instant) -> Option<Duration> {
        Some(seat.remaining.min(LONGEST))
    }

    fn expire_after_update(
        &self,
        _: &StoredKey,
        seat: &Seat,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(seat.remaining.min(LONGEST))
    }
}
