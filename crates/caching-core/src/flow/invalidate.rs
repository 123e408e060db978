//! Invalidations: of keys, of tags, of everything.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::cache::Invalidated;
use crate::coherence::{Applied, Asof, Change, Mode, Rule};
use crate::entry::Entry;
use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::engine::Locked;
use crate::flow::runtime::usable_runtime;
use crate::flow::shared::Shared;
use crate::flow::untold::Untold;
use crate::key::{KeyName, StoredKey};
use crate::observe::CacheEvent;
use crate::recovery::{Due, EVERYTHING, Queued};

/// How many keys go into one message.
const BATCH: usize = 256;

/// What one call invalidates.
#[derive(Default)]
pub(crate) struct Invalidation {
    pub(crate) keys: Vec<(StoredKey, Mode)>,
    /// Groups by their names.
    pub(crate) groups: Vec<(String, Mode)>,
}

impl Engine {
    /// Invalidates. A load that began before this is not stored, and nobody joins it.
    ///
    /// Where a store is shared, it holds here before the store is told, and again once it has answered:
    /// another reader of this process may have put back what the store still held in between.
    pub(crate) async fn invalidate(self: &Arc<Self>, what: Invalidation) -> Invalidated {
        self.tell_of(&what);
        if self.shared.is_none() {
            return Invalidated::applied(self.invalidate_alone(&what));
        }
        self.drop_here(&what);
        let untold = self.untold(&what);
        if untold.is_empty() {
            return Invalidated::applied(self.fences.asof());
        }
        let Some(runtime) = usable_runtime() else {
            // Queued, for whoever comes with a runtime.
            return Invalidated::Queued;
        };
        self.start_driver(&runtime);
        // A task of its own, owned by `tasks`: a caller that leaves does not take it along. Where it
        // goes away with its runtime, what it had yet to tell is queued.
        let telling = self.tasks.spawn_on(tell(untold), &runtime);
        match telling.await {
            Ok(Some(at)) => Invalidated::applied(at),
            Ok(None) | Err(_) => Invalidated::Queued,
        }
    }

    /// Tells whoever watches.
    fn tell_of(&self, what: &Invalidation) {
        for (key, mode) in &what.keys {
            self.events.tell(&key.as_ref(), |key| match mode {
                Mode::Remove => CacheEvent::Removed { key },
                Mode::Expire => CacheEvent::Expired { key },
            });
        }
        for (group, mode) in &what.groups {
            self.events.tell_of_group(|| CacheEvent::Purged {
                group: group.clone(),
                keeps_fallback: *mode == Mode::Expire,
            });
        }
    }

    fn invalidate_alone(&self, what: &Invalidation) -> Asof {
        for (key, mode) in &what.keys {
            let at = self.fences.advance();
            let mut locked = self.lock(key);
            locked.stripe.bump(at, self.clock.now());
            self.drop_kept(&locked, key, *mode, |_| true);
            drop(locked);
            self.flights.detach(key);
            self.counters.invalidations.add();
        }
        for (group, mode) in &what.groups {
            self.note_purge(group);
            self.purges.purge(group, *mode);
            self.counters.purges.add();
        }
        self.fences.asof()
    }

    /// Makes it hold in this process, whatever the store has yet to say.
    pub(crate) fn drop_here(&self, what: &Invalidation) {
        for (key, mode) in &what.keys {
            self.drop_any(key, *mode);
            self.counters.invalidations.add();
        }
        for (group, mode) in &what.groups {
            self.note_purge(group);
            self.purges.purge_pending(group, *mode);
            self.counters.purges.add();
        }
    }

    fn drop_any(&self, key: &StoredKey, mode: Mode) {
        // Detached first: what stores after that asks, and what stored before is dropped.
        self.flights.detach(key);
        self.drop_kept(&self.lock(key), key, mode, |_| true);
    }

    /// Drops what is kept of a key that was invalidated as of `at`, unless it is from after that.
    pub(crate) fn drop_older(&self, key: &StoredKey, mode: Mode, at: Asof) {
        let mut locked = self.lock(key);
        locked.stripe.bump(at, self.clock.now());
        self.drop_kept(&locked, key, mode, |kept| !kept.asof.is_after(at));
    }

    /// Drops what is kept of a key, or lets it be stale from now on, if `which` says so.
    pub(crate) fn drop_kept(
        &self,
        locked: &Locked<'_>,
        key: &StoredKey,
        mode: Mode,
        which: impl Fn(&Entry) -> bool,
    ) {
        match mode {
            Mode::Remove => {
                if self.l1.read(&key.as_ref(), which) == Some(true) {
                    self.l1.remove(&locked.stripe, key);
                }
            }
            Mode::Expire => {
                let now = self.clock.now();
                self.l1.replace(&locked.stripe, key, now, |entry| {
                    which(entry).then(|| entry.expired_at(now))
                });
            }
        }
    }

    /// The same as messages, each of which is queued unless it is told.
    pub(crate) fn untold(self: &Arc<Self>, what: &Invalidation) -> Vec<Untold> {
        self.changes(what)
            .into_iter()
            .map(|change| Untold::new(self, change))
            .collect()
    }

    fn changes(&self, what: &Invalidation) -> Vec<Change> {
        let keys = [Mode::Remove, Mode::Expire].into_iter().flat_map(|mode| {
            let keys: Vec<KeyName> = what
                .keys
                .iter()
                .filter(|(_, of)| *of == mode)
                .map(|(key, _)| self.name_of(key))
                .collect();
            let changes: Vec<Change> = keys
                .chunks(BATCH)
                .map(|keys| Change::Keys {
                    keys: keys.to_vec(),
                    mode,
                })
                .collect();
            changes
        });
        let groups = what.groups.iter().map(|(group, mode)| Change::Group {
            group: group.clone(),
            clock: 0,
            mode: *mode,
        });
        keys.chain(groups).collect()
    }

    /// The store has applied an own invalidation: so does this process, once more.
    pub(crate) fn told(&self, shared: &Shared, change: &Change, applied: Applied) {
        self.counters.notices_sent.add();
        let is_in_effect = match change {
            Change::Keys { keys, mode } => {
                if self.rules.keep(Rule::DropAgain) {
                    self.apply(applied.at, change);
                }
                for key in keys {
                    // After the drop: until then, nothing of the store is put here.
                    shared.recovery.settle_key(key, *mode);
                }
                true
            }
            Change::Group { group, mode, .. } => {
                self.purges
                    .settle(group, *mode, applied.at, applied.tag_clock)
            }
        };
        self.count_own(shared, applied.at, is_in_effect);
    }

    /// The number of an own invalidation counts as applied, where it took effect here.
    fn count_own(&self, shared: &Shared, at: Asof, is_in_effect: bool) {
        // The epoch may have begun here since. Would it count then, no poll would tell of it again.
        if !is_in_effect {
            self.distrust(shared);
        } else if !self.fences.own(at) {
            shared.pulse.poll_soon();
        }
    }

    /// The store could not be told: it will be, and until then nothing that it holds is trusted.
    pub(crate) fn queue(&self, shared: &Shared, change: &Change) {
        self.unsent.tell("the store did not answer");
        match change {
            Change::Keys { keys, mode } => {
                for name in keys {
                    // Dirty first: what is dropped after that is not put back.
                    let queued = shared.recovery.add_key(name, *mode);
                    self.make_room(shared, queued);
                    self.lock_stripe(name.stripe())
                        .stripe
                        .note(self.clock.now());
                    if let Some(key) = self.key_of(name) {
                        self.drop_any(&key, *mode);
                    }
                }
            }
            Change::Group { group, mode, .. } => {
                let queued = shared.recovery.add_group(group, *mode);
                if queued == Queued::Again {
                    // The one that waits stands for both.
                    self.purges.unpend(group);
                }
                self.make_room(shared, queued);
            }
        }
        self.counters.queued.add();
    }

    fn make_room(&self, shared: &Shared, queued: Queued) {
        let Queued::Overflow(groups) = queued else {
            return;
        };
        tracing::warn!(
            limit = shared.l2.limits().queue_limit,
            "more invalidations wait than there is room for; the cache will be cleared as a whole"
        );
        self.note_purge(EVERYTHING);
        self.purges.purge_pending(EVERYTHING, Mode::Remove);
        for group in groups {
            self.purges.unpend(&group);
        }
    }

    /// What was queued has been applied.
    pub(crate) fn resent(&self, shared: &Shared, due: &Due, applied: Applied) {
        if let Change::Keys { .. } = &due.change {
            // Before it counts as settled: until then, nothing of the store is put here.
            self.apply(applied.at, &due.change);
        }
        let is_settled = shared.recovery.settle(due);
        let is_in_effect = match &due.change {
            Change::Group { group, mode, .. } if is_settled => {
                self.purges
                    .settle(group, *mode, applied.at, applied.tag_clock)
            }
            // Of a group that waits again, the store gives nothing until it is settled.
            _ => true,
        };
        self.counters.resent.add();
        if shared.recovery.len() == 0 {
            tracing::debug!("all invalidations that were queued have been sent");
        }
        self.count_own(shared, applied.at, is_in_effect);
    }

    /// An error once the cache was stopped.
    pub(crate) fn check_running(&self) -> Result<(), CacheError> {
        // Acquire: pairs with the release in `stop`.
        if self.is_stopped.load(std::sync::atomic::Ordering::Acquire) {
            return Err(CacheError::Stopped);
        }
        Ok(())
    }
}

/// Tells the store, all at once; the last number, or `None` where something had to be queued.
pub(crate) async fn tell(mut changes: Vec<Untold>) -> Option<Asof> {
    if changes.len() == 1
        && let Some(change) = changes.pop()
    {
        return change.tell().await;
    }
    // Owned by the set, which is awaited to its end.
    let mut telling: JoinSet<_> = changes.into_iter().map(Untold::tell).collect();
    let mut last = Some(Asof::default());
    while let Some(told) = telling.join_next().await {
        last = match (last, told.ok().flatten()) {
            (Some(last), Some(at)) if last.is_after(at) => Some(last),
            (Some(_), Some(at)) => Some(at),
            _ => None,
        };
    }
    last
}
