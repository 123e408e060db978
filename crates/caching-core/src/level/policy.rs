//! Who stays in L1 when room gets short: moka's TinyLFU, told of a sample of the uses.

use std::sync::Arc;

use equivalent::Equivalent;

use crate::entry::Entry;
use crate::key::{BuildPrehashed, StoredKey};
use crate::level::l1::Index;
use crate::level::seat::Seat;
use crate::observe::{EventBus, EvictionReason};
use crate::units::Priority;

/// The policy of L1. It knows the hashes of keys, never a key or a value.
///
/// Told of the misses and of one use a key and batch, it keeps as good a hit ratio as if it were
/// told of each hit. Source of the policy: Einziger, Friedman, Manes, *TinyLFU: A Highly Efficient
/// Cache Admission Policy*, ACM Transactions on Storage 13(4), 2017.
pub(crate) struct Policy {
    /// By the hash of a key: of two keys that share one, the later takes the seat.
    seats: moka::sync::Cache<u64, Taken, BuildPrehashed>,
    room: Room,
}

/// A seat that is taken: by which entry, and what that weighs.
#[derive(Clone, Copy)]
struct Taken {
    number: u32,
    weight: u32,
}

/// How much there is room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) max_entries: u64,
    pub(crate) max_bytes: Option<u64>,
}

/// About what an entry takes up beside its value and the text of its key, in bytes: an index, a seat, an
/// `Arc`. Measured with values of 64 bytes.
const BESIDE: u64 = 480;

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
            .eviction_listener(move |hash: Arc<u64>, taken: Taken, _| {
                // Whoever loses its seat leaves, whatever the cause: evicted, or its seat taken by another key
                // of its hash. What was removed or replaced has left, and its seat finds nothing. No lock of
                // ours is taken here: the caller may hold one of any stripe.
                let seat = Seat {
                    hash: *hash,
                    number: taken.number,
                };
                vacate(&index, &events, seat, EvictionReason::Size);
            });
        // Only where weights differ: with a weigher, moka 0.12 makes its sketch of frequencies for a quarter of
        // the entries, which costs up to a twelfth of the hits.
        let seats = match room.max_bytes {
            Some(_) => seats.weigher(|_, taken| taken.weight),
            None => seats,
        };
        let seats = seats.build_with_hasher(BuildPrehashed::default());
        Self { seats, room }
    }

    /// Whether somebody may soon have to leave, so that it matters who is used.
    #[inline]
    pub(crate) fn is_selective(&self) -> bool {
        self.seats.weighted_size() >= self.room.whole() / 2
    }

    /// Counts a use of a key, whether it is here or not; its seat, if it is.
    pub(super) fn used(&self, hash: u64) -> Option<Seat> {
        let Taken { number, .. } = self.seats.get(&hash)?;
        Some(Seat { hash, number })
    }

    /// What an entry takes of the room.
    pub(crate) fn weight(&self, key: &StoredKey, entry: &Entry) -> u32 {
        self.room.taken_by(key, entry)
    }

    /// Gives an entry its seat.
    pub(super) fn admit(&self, seat: Seat, weight: u32, priority: Priority) {
        let uses = match priority {
            Priority::High if self.is_selective() => USES_OF_HIGH,
            _ => 0,
        };
        for _ in 0..uses {
            self.used(seat.hash);
        }
        let number = seat.number;
        self.seats.insert(seat.hash, Taken { number, weight });
    }

    /// Forgets who has the seat of this hash.
    pub(crate) fn forget(&self, hash: u64) {
        self.seats.invalidate(&hash);
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

/// Takes the entry that has a seat out of the index; no other, whoever was put there meanwhile.
pub(super) fn vacate(index: &Index, events: &EventBus, seat: Seat, reason: EvictionReason) {
    let index = index.pin();
    // Asked again: papaya finds the place by the seat, and whoever is put there meanwhile has another one.
    if let Ok(Some((key, was))) = index.remove_if(&seat, |key, _| seat.equivalent(key)) {
        events.note_eviction(key, reason, &was.content);
    }
}
