//! Who stays in L1 when room gets short: moka's TinyLFU, told of a sample of the uses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::notification::RemovalCause;
use moka::policy::Expiry;

use crate::entry::Entry;
use crate::key::{BuildPrehashed, StoredKey};
use crate::level::l1::Index;
use crate::observe::{EventBus, EvictionReason};
use crate::units::Priority;

/// The policy of L1. It knows keys, never values.
///
/// Told of the misses and of one use a key and batch, it keeps as good a hit ratio as if it were
/// told of each hit. Source of the policy: Einziger, Friedman, Manes, *TinyLFU: A Highly Efficient
/// Cache Admission Policy*, ACM Transactions on Storage 13(4), 2017.
pub(crate) struct Policy {
    seats: moka::sync::Cache<StoredKey, Seat, BuildPrehashed>,
    room: Room,
}

/// What the policy keeps of an entry.
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    generation: u64,
    remaining: Duration,
    weight: u32,
    priority: Priority,
}

/// How much there is room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) max_entries: u64,
    pub(crate) max_bytes: Option<u64>,
}

/// About what an entry takes up beside its value and the text of its key, in bytes: an index, a seat, an
/// `Arc`. Measured with values of 64 bytes.
const BESIDE: u64 = 320;

/// As how many uses it counts that an entry of high priority is stored.
const USES_OF_HIGH: usize = 12;

impl Room {
    /// All of it: in bytes, or in entries.
    fn whole(self) -> u64 {
        self.max_bytes.unwrap_or(self.max_entries)
    }

    /// What an entry takes of it. So many entries of the least weight fill it that it holds for their
    /// number, too.
    fn taken_by(self, key: &StoredKey, entry: &Entry) -> u32 {
        let Some(max_bytes) = self.max_bytes else {
            return 1;
        };
        let bytes = BESIDE + key.as_ref().text.len() as u64 + u64::from(entry.size);
        let least = max_bytes.div_ceil(self.max_entries.max(1));
        u32::try_from(bytes.max(least)).unwrap_or(u32::MAX)
    }
}

impl Policy {
    pub(crate) fn new(room: Room, index: Arc<Index>, events: Arc<EventBus>) -> Self {
        let seats = moka::sync::Cache::builder()
            .max_capacity(room.whole())
            .weigher(|_, seat: &Seat| seat.weight)
            .expire_after(Retention)
            .eviction_listener(move |key: Arc<StoredKey>, seat: Seat, cause| {
                // What was removed or replaced, its caller has taken care of. The generation tells
                // an entry that was put here meanwhile from the one that has to leave. No lock of
                // ours is taken here: the caller may hold one of any stripe.
                let reason = match cause {
                    RemovalCause::Size => EvictionReason::Size,
                    RemovalCause::Expired => EvictionReason::Expired,
                    RemovalCause::Explicit | RemovalCause::Replaced => return,
                };
                let index = index.pin();
                let is_it = |_: &StoredKey, entry: &Entry| entry.generation == seat.generation;
                if let Ok(Some((_, was))) = index.remove_if(&key.as_ref().as_ref(), is_it) {
                    events.note_eviction(&key, reason, &was.content);
                }
            })
            .build_with_hasher(BuildPrehashed::default());
        Self { seats, room }
    }

    /// Whether somebody may soon have to leave, so that it matters who is used.
    #[inline]
    pub(crate) fn is_selective(&self) -> bool {
        self.seats.weighted_size() >= self.room.whole() / 2
    }

    /// Counts a use of a key, whether it is here or not.
    pub(crate) fn used(&self, key: &StoredKey) {
        self.seats.get(key);
    }

    /// Gives a key a seat, for at most as long as its entry is kept.
    pub(crate) fn admit(&self, key: &StoredKey, seat: Seat) {
        let uses = match seat.priority {
            Priority::High if self.is_selective() => USES_OF_HIGH,
            _ => 0,
        };
        (0..uses).for_each(|_| self.used(key));
        self.seats.insert(key.clone(), seat);
    }

    /// The seat that an entry needs.
    pub(crate) fn seat(&self, key: &StoredKey, entry: &Entry, remaining: Duration) -> Seat {
        Seat {
            generation: entry.generation,
            remaining,
            weight: self.room.taken_by(key, entry),
            priority: entry.priority,
        }
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
