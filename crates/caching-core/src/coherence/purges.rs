//! The tag clock: which groups of entries were invalidated, and when.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::coherence::purged::Purged;
use crate::coherence::{Asof, Epoch, Group};
use crate::entry::Entry;
use crate::key::{BuildPrehashed, KeyRef};
use crate::scope::KeyScope;
use crate::tag::Tag;

/// How many purges are remembered one by one.
const REMEMBERED: usize = 65_536;

/// How entries are invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Gone, without a fallback.
    Remove,
    /// Stale from now on, and kept as a fallback.
    Expire,
}

/// What the purges since its load leave of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Validity {
    Valid,
    /// Stale: it was expired with one of its groups, or is from before a break.
    Expired,
    /// Hidden altogether: it was removed with one of its groups.
    Removed,
}

/// What can be said of a record of the shared store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordValidity {
    Known(Validity),
    /// It is from before the purges that are known here: ask the store.
    Ask,
}

/// The tag clock and what it was advanced for.
///
/// An entry is valid while none of its groups was purged since before its load began. As long as
/// nothing is purged, that is one comparison.
pub(crate) struct Purges {
    /// The clock of this process.
    clock: AtomicU64,
    /// Purges before this are no longer known one by one: they count for everything.
    floor: AtomicU64,
    /// What was loaded before this is from before a break: a fallback at most.
    suspect: AtomicU64,
    /// By a hash of the group's name: two groups of one hash are purged together, which is dear and
    /// never wrong.
    groups: papaya::HashMap<u64, Purged, BuildPrehashed>,
    /// Whether there has ever been one: until then no names are made to look for.
    has_groups: AtomicBool,
    hasher: foldhash::quality::RandomState,
    /// One change at a time: its group must be readable before the clock shows it. Held for map operations,
    /// never across an await and never twice.
    shared: RwLock<Shared>,
}

/// What is known of the deployment's clock.
#[derive(Clone, Copy, Debug, Default)]
struct Shared {
    epoch: Epoch,
    /// All purges up to here have been applied here.
    clock: u64,
    /// All purges of this epoch after this are known here.
    complete_from: u64,
}

impl Purges {
    pub(crate) fn new() -> Self {
        Self {
            clock: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            suspect: AtomicU64::new(0),
            groups: papaya::HashMap::default(),
            has_groups: AtomicBool::new(false),
            hasher: foldhash::quality::RandomState::default(),
            shared: RwLock::default(),
        }
    }

    /// The clock now. A load notes it before it begins.
    #[inline]
    pub(crate) fn clock(&self) -> u64 {
        // Acquire: pairs with the release in `advance`; whoever sees the clock sees the groups.
        self.clock.load(Ordering::Acquire)
    }

    /// The deployment's clock in this epoch, as far as it is known here. A load notes it before it
    /// begins.
    pub(crate) fn shared_clock(&self, epoch: Epoch) -> Option<u64> {
        let shared = self.shared();
        (shared.epoch == epoch).then_some(shared.clock)
    }

    /// Invalidates a group: everything whose load has begun before this returns.
    pub(crate) fn purge(&self, group: &str, mode: Mode) {
        self.change(group, |purged, now| purged.purge(mode, now));
    }

    /// The same, for a purge that the store has yet to be told of. Until [`settle`](Self::settle),
    /// nothing of the group that the store holds is given.
    pub(crate) fn purge_pending(&self, group: &str, mode: Mode) {
        self.change(group, |purged, now| {
            purged.purge(mode, now);
            purged.pend();
        });
    }

    /// A purge that was to be told is told as part of another one.
    pub(crate) fn unpend(&self, group: &str) {
        self.change(group, |purged, _| purged.unpend());
    }

    /// The store has been told of a purge, and applied it at this time of its clock.
    ///
    /// False: that is of an epoch which has not begun here, so that nothing was noted. It must not count
    /// as applied, even where the epoch begins right after this: a poll has to tell of it.
    #[must_use]
    pub(crate) fn settle(&self, group: &str, mode: Mode, at: Asof, shared_clock: u64) -> bool {
        let mut shared = self.lock();
        let is_known = shared.epoch == at.epoch;
        self.change_locked(&mut shared, group, |purged, _| {
            purged.unpend();
            // In another epoch that clock means nothing.
            if is_known {
                purged.purge_shared(mode, shared_clock);
            }
        });
        // Where nothing of others is on its way, this has been applied like any other.
        if is_known && shared.clock + 1 == shared_clock {
            shared.clock = shared_clock;
        }
        is_known
    }

    /// A purge of another process, or one that was missed: `at` this time of the deployment's clock.
    pub(crate) fn hear(&self, group: &str, mode: Mode, shared_clock: u64) {
        let mut shared = self.lock();
        self.change_locked(&mut shared, group, |purged, now| {
            purged.hear(mode, now, shared_clock);
        });
        shared.clock = shared.clock.max(shared_clock);
    }

    /// What happened cannot be told: everything is suspect, and only purges after `shared_clock` are
    /// known from now on.
    pub(crate) fn begin_again(&self, epoch: Epoch, shared_clock: u64, is_suspect: bool) {
        let mut shared = self.lock();
        // In the same epoch the clock goes on, and an own purge may be known that this has yet to tell
        // of. In another one it begins again.
        let until = match shared.epoch == epoch {
            true => shared_clock,
            false => u64::MAX,
        };
        *shared = Shared {
            epoch,
            clock: shared_clock,
            complete_from: shared_clock,
        };
        let groups = self.groups.pin();
        let known: Vec<u64> = groups.keys().copied().collect();
        for group in known {
            groups.update(group, |purged| {
                let mut purged = *purged;
                purged.forget_shared(until);
                purged
            });
        }
        self.begin_anew(&mut shared, is_suspect);
    }

    /// What was loaded before this is a fallback at most.
    pub(crate) fn doubt(&self) {
        self.begin_anew(&mut self.lock(), true);
    }

    fn begin_anew(&self, _lock: &mut Shared, is_suspect: bool) {
        // Relaxed: written only under the lock.
        let now = self.clock.load(Ordering::Relaxed) + 1;
        // Before the clock: whoever sees the clock sees the break.
        if is_suspect {
            self.suspect.store(now, Ordering::Release);
        }
        self.clock.store(now, Ordering::Release);
    }

    /// What the purges leave of an entry.
    #[inline]
    pub(crate) fn judge(&self, scopes: &dyn KeyScope, key: &KeyRef<'_>, entry: &Entry) -> Validity {
        let clock = self.clock();
        if entry.is_checked(clock) {
            return Validity::Valid;
        }
        let tags = entry.tags.as_deref().unwrap_or(&[]);
        let validity = self.look(scopes, key, tags, entry.tag_clock);
        if validity == Validity::Valid {
            entry.set_checked(clock);
        }
        validity
    }

    /// What the purges after `since` leave of a load with these tags.
    #[cold]
    pub(crate) fn look(
        &self,
        scopes: &dyn KeyScope,
        key: &KeyRef<'_>,
        tags: &[Tag],
        since: u64,
    ) -> Validity {
        let mut worst = self.each(scopes, key, tags, |purged| purged.leaves(since));
        if since < self.suspect.load(Ordering::Acquire) {
            worst = worst.max(Validity::Expired);
        }
        // After the look: whoever found a group forgotten also finds the floor that replaced it.
        if since < self.floor.load(Ordering::Acquire) {
            worst = Validity::Removed;
        }
        worst
    }

    /// What the purges leave of a record of the store, which was loaded at `shared_clock` in `epoch`.
    pub(crate) fn judge_record(
        &self,
        scopes: &dyn KeyScope,
        key: &KeyRef<'_>,
        tags: &[Tag],
        epoch: Epoch,
        shared_clock: u64,
    ) -> RecordValidity {
        // Under the lock, so that no break passes in between; off the path of hits.
        let shared = self.shared();
        if shared.epoch != epoch {
            return RecordValidity::Known(Validity::Removed);
        }
        let validity = self.each(scopes, key, tags, |purged| {
            purged.leaves_of_record(shared_clock)
        });
        if shared_clock < shared.complete_from && validity != Validity::Removed {
            return RecordValidity::Ask;
        }
        RecordValidity::Known(validity)
    }

    /// The last purge of any of these groups on the process' clock, which never goes back: what is no
    /// longer known one by one counts as purged.
    pub(crate) fn last_of(&self, names: &[String]) -> u64 {
        let last = self.last_by(names, Purged::last);
        // After the look, as in `look`.
        last.max(self.floor.load(Ordering::Acquire))
    }

    /// The last purge of any of these groups on the deployment's clock, as far as it is known here;
    /// zero where that counts in another epoch.
    pub(crate) fn last_shared_of(&self, epoch: Epoch, names: &[String]) -> u64 {
        let shared = self.shared();
        match shared.epoch == epoch {
            true => self.last_by(names, Purged::last_shared),
            false => 0,
        }
    }

    fn last_by(&self, names: &[String], last: impl Fn(&Purged) -> u64) -> u64 {
        let groups = self.groups.pin();
        let known = names
            .iter()
            .filter_map(|name| groups.get(&self.hash(name)))
            .map(last);
        known.max().unwrap_or_default()
    }

    /// The names of the groups of an entry.
    pub(crate) fn names(
        &self,
        scopes: &dyn KeyScope,
        key: &KeyRef<'_>,
        tags: &[Tag],
    ) -> Vec<String> {
        let tags = tags.iter().map(|tag| Group::Tag(key.scope, tag.clone()));
        Group::of_key(key.scope, key.kind)
            .into_iter()
            .chain(tags)
            .map(|group| group.name(scopes))
            .collect()
    }

    /// The worst that `judge` finds of the groups of an entry.
    fn each(
        &self,
        scopes: &dyn KeyScope,
        key: &KeyRef<'_>,
        tags: &[Tag],
        judge: impl Fn(&Purged) -> Validity,
    ) -> Validity {
        // Relaxed: set before the clock, by which everyone finds out that there is something to look for.
        if !self.has_groups.load(Ordering::Relaxed) {
            return Validity::Valid;
        }
        let groups = self.groups.pin();
        self.names(scopes, key, tags)
            .iter()
            .filter_map(|group| groups.get(&self.hash(group)))
            .map(judge)
            .max()
            .unwrap_or(Validity::Valid)
    }

    fn change(&self, group: &str, change: impl FnOnce(&mut Purged, u64)) {
        self.change_locked(&mut self.lock(), group, change);
    }

    fn change_locked(
        &self,
        shared: &mut Shared,
        group: &str,
        change: impl FnOnce(&mut Purged, u64),
    ) {
        let group = self.hash(group);
        // Relaxed: only this function and `begin_again` write the clock, under the lock.
        let now = self.clock.load(Ordering::Relaxed) + 1;
        let groups = self.groups.pin();
        if groups.len() >= REMEMBERED && groups.get(&group).is_none() {
            // Entries from before the floor become misses, which is dear and never wrong. The floors
            // first: whoever finds a group forgotten also finds the floor that replaced it.
            let floor = now.saturating_sub(REMEMBERED as u64 / 2);
            let stays = |purged: &Purged| purged.is_pending() || purged.last() > floor;
            for purged in groups.values().filter(|purged| !stays(purged)) {
                shared.complete_from = shared.complete_from.max(purged.last_shared());
            }
            self.floor.store(floor, Ordering::Release);
            groups.retain(|_, purged| stays(purged));
        }
        let mut purged = groups.get(&group).copied().unwrap_or_default();
        change(&mut purged, now);
        groups.insert(group, purged);
        self.has_groups.store(true, Ordering::Relaxed);
        self.clock.store(now, Ordering::Release);
    }

    fn shared(&self) -> RwLockReadGuard<'_, Shared> {
        // Whatever a thread that panicked has come to: map operations leave it whole.
        self.shared.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Shared> {
        self.shared.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn hash(&self, group: &str) -> u64 {
        self.hasher.hash_one(group)
    }
}

#[cfg(test)]
mod tests;
