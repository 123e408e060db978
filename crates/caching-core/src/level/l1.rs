//! The level in the process: an index that answers, beside a policy that decides who stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::clock::Tick;
use crate::coherence::StripeGuard;
use crate::entry::Entry;
use crate::key::{BuildPrehashed, KeyRef, StoredKey};
pub(crate) use crate::level::policy::Room;
use crate::level::policy::{Policy, vacate};
use crate::level::rounds::Rounds;
use crate::level::seat::Seat;
use crate::observe::{EventBus, EvictionReason};

/// How many first touches wait for the policy; more are dropped, which costs nothing but a hint.
const TOUCHES: usize = 256;

/// The map that answers hits.
pub(crate) type Index = papaya::HashMap<StoredKey, Entry, BuildPrehashed>;

/// The level in the process.
///
/// A hit reads the index, without a lock, and leaves at most a touch in a queue. Whoever changes
/// what is kept under a key holds the lock of its stripe, and changes index and policy under it, so
/// that the two agree for each key: what the policy has forgotten is not in the index.
pub(crate) struct L1 {
    index: Arc<Index>,
    policy: Policy,
    rounds: Rounds,
    /// The hashes of keys that were used.
    touches: ArrayQueue<u64>,
    /// How many seats were given.
    given: AtomicU32,
    events: Arc<EventBus>,
}

impl L1 {
    pub(crate) fn new(room: Room, events: Arc<EventBus>) -> Self {
        let index = Arc::new(Index::with_hasher(BuildPrehashed::default()));
        Self {
            policy: Policy::new(room, Arc::clone(&index), Arc::clone(&events)),
            index,
            rounds: Rounds::default(),
            touches: ArrayQueue::new(TOUCHES),
            given: AtomicU32::new(0),
            events,
        }
    }

    /// Reads the entry of a key.
    #[inline]
    pub(crate) fn read<R>(&self, key: &KeyRef<'_>, read: impl FnOnce(&Entry) -> R) -> Option<R> {
        let index = self.index.pin();
        index.get(key).map(read)
    }

    /// Notes the use of an entry that was just read.
    #[inline]
    pub(crate) fn touch(&self, key: &KeyRef<'_>, entry: &Entry) {
        // Nobody has to leave while there is room, so nobody's use has to be known.
        if self.policy.is_selective() && entry.touch() && self.touches.push(key.hash).is_err() {
            entry.untouch();
        }
    }

    /// Tells the policy of a miss: its admission counts those too.
    pub(crate) fn missed(&self, key: &StoredKey) {
        let _guard = self.guard();
        self.policy.used(key.hash());
    }

    /// Keeps what is dropped from the index alive until the guard is.
    ///
    /// Whoever takes a lock takes this before: values are then dropped after the lock was given up,
    /// since their own `Drop` may call the cache.
    pub(crate) fn guard(&self) -> papaya::LocalGuard<'_> {
        self.index.guard()
    }

    /// Keeps an entry under a key, in place of what was there.
    pub(crate) fn put(&self, _stripe: &StripeGuard<'_>, key: &StoredKey, entry: Entry, now: Tick) {
        self.tell_touches();
        let seat = Seat {
            hash: key.hash(),
            // Relaxed: only uniqueness matters.
            number: self.given.fetch_add(1, Ordering::Relaxed),
        };
        let (weight, priority) = (self.policy.weight(key, &entry), entry.priority);
        self.index.pin().insert(key.seated(seat.number), entry);
        self.policy.admit(seat, weight, priority);
        self.rounds.enter(seat, now, |seat| self.stays(seat, now));
    }

    /// Whether an entry is still in its seat, and within its retention. Past that, it leaves.
    fn stays(&self, seat: Seat, now: Tick) -> bool {
        let ends = |entry: &Entry| entry.lifetime.retained_until;
        match self.index.pin().get(&seat).map(ends) {
            None => false,
            Some(end) if now < end => true,
            Some(_) => {
                vacate(&self.index, &self.events, seat, EvictionReason::Expired);
                // If another one has taken the seat just now, it leaves, too: that is a miss, and never wrong.
                self.policy.forget(seat.hash);
                false
            }
        }
    }

    /// Puts another entry in the place of the one that is there, if there is one.
    pub(crate) fn replace(
        &self,
        stripe: &StripeGuard<'_>,
        key: &StoredKey,
        now: Tick,
        change: impl FnOnce(&Entry) -> Option<Entry>,
    ) -> bool {
        let Some(entry) = self.read(&key.as_ref(), change).flatten() else {
            return false;
        };
        self.put(stripe, key, entry, now);
        true
    }

    /// Drops the entry of a key; true if there was one.
    pub(crate) fn remove(&self, _stripe: &StripeGuard<'_>, key: &StoredKey) -> bool {
        let guard = self.index.guard();
        let removed = self.index.remove(&key.as_ref(), &guard).is_some();
        if removed {
            // What was removed on purpose does not stay in memory until more is. It makes all threads
            // synchronise, so it is not done for nothing.
            papaya::Guard::flush(&guard);
            self.policy.forget(key.hash());
        }
        removed
    }

    /// The keys of the entries that are chosen.
    pub(crate) fn keys(&self, choose: impl Fn(&KeyRef<'_>, &Entry) -> bool) -> Vec<StoredKey> {
        let index = self.index.pin();
        let chosen = index
            .iter()
            .filter(|(key, entry)| choose(&key.as_ref(), entry));
        chosen.map(|(key, _)| key.clone()).collect()
    }

    /// How many entries are kept, those past their life included until their room is needed.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Lets the policy do at once what it would do bit by bit.
    #[cfg(test)]
    pub(crate) fn tidy(&self) {
        self.tell_touches();
        self.policy.tidy();
    }

    /// Hands the touches to the policy, off the path of hits.
    fn tell_touches(&self) {
        // At most a queue's length: other threads may go on filling it.
        for _ in 0..TOUCHES {
            let Some(hash) = self.touches.pop() else {
                return;
            };
            if let Some(seat) = self.policy.used(hash) {
                self.index.pin().get(&seat).map(Entry::untouch);
            }
        }
    }
}

#[cfg(test)]
mod tests;
