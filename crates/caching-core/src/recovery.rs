//! Invalidations that the shared store could not be told of, to be sent again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::coherence::{Change, Mode};
use crate::key::KeyName;

/// The group that stands for everything, and for more than can be queued.
pub(crate) const EVERYTHING: &str = "*";

/// How many keys are sent again at once.
const BATCH: usize = 256;

/// Invalidations to be sent again: one a key and group, never a value.
///
/// While a key is in here it is *dirty*: what the shared store holds of it is neither read nor
/// filled. Of two invalidations of one key, a remove covers an expire.
pub(crate) struct Recovery {
    limit: usize,
    /// Held for map operations, never across an await.
    queue: Mutex<Queue>,
    /// The length of the queue, for readers, who take no lock while it is empty.
    length: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    /// Each with a number: what was queued again while it was being sent stays.
    keys: HashMap<KeyName, (Mode, u64)>,
    groups: HashMap<String, (Mode, u64)>,
    last: u64,
}

/// Something to be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) change: Change,
    numbers: Vec<u64>,
}

/// What became of an invalidation that was to be queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Queued {
    /// It waits.
    New,
    /// It was waiting already.
    Again,
    /// There was no room: everything that waited, these groups among it, has become one clearing of
    /// the cache, which waits.
    Overflow(Vec<String>),
}

impl Recovery {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            queue: Mutex::default(),
            length: AtomicUsize::new(0),
        }
    }

    /// How many invalidations wait.
    pub(crate) fn len(&self) -> usize {
        // Acquire: pairs with the release in `change`. Whoever sees that the queue is empty comes
        // after the invalidation that was taken out of it.
        self.length.load(Ordering::Acquire)
    }

    /// Whether a key waits.
    pub(crate) fn is_dirty(&self, key: &KeyName) -> bool {
        self.len() > 0 && self.lock().keys.contains_key(key)
    }

    /// Whether one of these groups waits.
    pub(crate) fn has_any_group(&self, groups: &[String]) -> bool {
        self.len() > 0 && {
            let queue = self.lock();
            groups.iter().any(|group| queue.groups.contains_key(group))
        }
    }

    pub(crate) fn add_key(&self, key: &KeyName, mode: Mode) -> Queued {
        self.change(|queue| {
            let number = queue.next();
            queue.add(|queue| &mut queue.keys, key, mode, number)
        })
    }

    pub(crate) fn add_group(&self, group: &str, mode: Mode) -> Queued {
        self.change(|queue| {
            let number = queue.next();
            queue.add(|queue| &mut queue.groups, group, mode, number)
        })
    }

    /// A key was invalidated after all: what waits for it and is covered by that has been done.
    pub(crate) fn settle_key(&self, key: &KeyName, mode: Mode) {
        if self.len() == 0 {
            return;
        }
        self.change(|queue| {
            if let Some((queued, _)) = queue.keys.get(key)
                && (mode == Mode::Remove || *queued == Mode::Expire)
            {
                queue.keys.remove(key);
            }
            Queued::Again
        });
    }

    /// What is to be sent next: groups first, since a clearing makes much of the rest needless, and
    /// what has waited longest before the rest.
    pub(crate) fn due(&self) -> Option<Due> {
        let queue = self.lock();
        let oldest = queue.groups.iter().min_by_key(|(_, (_, number))| *number);
        if let Some((group, (mode, number))) = oldest {
            return Some(Due {
                change: Change::Group {
                    group: group.clone(),
                    clock: 0,
                    mode: *mode,
                },
                numbers: vec![*number],
            });
        }
        let (_, (mode, _)) = queue.keys.iter().min_by_key(|(_, (_, number))| *number)?;
        let mode = *mode;
        let mut keys: Vec<_> = queue
            .keys
            .iter()
            .filter(|(_, (queued, _))| *queued == mode)
            .collect();
        keys.sort_unstable_by_key(|(_, (_, number))| *number);
        let (keys, numbers) = keys
            .into_iter()
            .take(BATCH)
            .map(|(key, (_, number))| (key.clone(), *number))
            .unzip();
        Some(Due {
            change: Change::Keys { keys, mode },
            numbers,
        })
    }

    /// What was due was refused: the rest comes first, so that it does not wait for what may never go.
    pub(crate) fn postpone(&self, due: &Due) {
        self.change(|queue| {
            for _ in &due.numbers {
                queue.last += 1;
            }
            let mut number = queue.last;
            match &due.change {
                Change::Keys { keys, .. } => {
                    for key in keys {
                        if let Some((_, waiting)) = queue.keys.get_mut(key) {
                            *waiting = number;
                            number = number.saturating_sub(1);
                        }
                    }
                }
                Change::Group { group, .. } => {
                    if let Some((_, waiting)) = queue.groups.get_mut(group) {
                        *waiting = number;
                    }
                }
            }
            Queued::Again
        });
    }

    /// What was due has been applied. False: some of it has been queued again meanwhile.
    pub(crate) fn settle(&self, due: &Due) -> bool {
        let mut is_all_done = true;
        self.change(|queue| {
            let is_done = |number: &u64| due.numbers.contains(number);
            match &due.change {
                Change::Keys { keys, .. } => {
                    for key in keys {
                        if queue
                            .keys
                            .get(key)
                            .is_some_and(|(_, number)| is_done(number))
                        {
                            queue.keys.remove(key);
                        } else if queue.keys.contains_key(key) {
                            is_all_done = false;
                        }
                    }
                }
                Change::Group { group, .. } => {
                    if queue
                        .groups
                        .get(group)
                        .is_some_and(|(_, number)| is_done(number))
                    {
                        queue.groups.remove(group);
                    } else {
                        // Queued again, or become part of a clearing.
                        is_all_done = false;
                    }
                }
            }
            Queued::Again
        });
        is_all_done
    }

    fn change(&self, change: impl FnOnce(&mut Queue) -> Queued) -> Queued {
        let mut queue = self.lock();
        let mut queued = change(&mut queue);
        if queue.len() > self.limit {
            // One clearing of everything covers whatever waited, in whatever mode.
            let number = queue.next();
            queue.keys.clear();
            let groups = queue.groups.drain().map(|(group, _)| group).collect();
            queue
                .groups
                .insert(EVERYTHING.to_owned(), (Mode::Remove, number));
            queued = Queued::Overflow(groups);
        }
        // Release, under the lock: see `len`.
        self.length.store(queue.len(), Ordering::Release);
        queued
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Whole after every operation.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn len(&self) -> usize {
        self.keys.len() + self.groups.len()
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn add<K, Q>(
        &mut self,
        map: impl FnOnce(&mut Self) -> &mut HashMap<K, (Mode, u64)>,
        key: &Q,
        mode: Mode,
        number: u64,
    ) -> Queued
    where
        K: std::borrow::Borrow<Q> + Eq + std::hash::Hash,
        Q: ToOwned<Owned = K> + Eq + std::hash::Hash + ?Sized,
    {
        let map = map(self);
        let Some(queued) = map.get_mut(key) else {
            map.insert(key.to_owned(), (mode, number));
            return Queued::New;
        };
        if mode == Mode::Remove {
            queued.0 = mode;
        }
        queued.1 = number;
        Queued::Again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> KeyName {
        KeyName::new("shared", "invoice", &n.to_string())
    }

    #[test]
    fn a_key_waits_once_and_a_remove_covers_an_expire() {
        let recovery = Recovery::new(10);
        assert_eq!(recovery.add_key(&key(7), Mode::Remove), Queued::New);
        assert_eq!(recovery.add_key(&key(7), Mode::Expire), Queued::Again);
        assert_eq!(recovery.len(), 1);
        recovery.settle_key(&key(7), Mode::Expire);
        assert!(
            recovery.is_dirty(&key(7)),
            "an expire does not do for a remove"
        );
        let due = recovery.due().unwrap();
        assert!(matches!(
            &due.change,
            Change::Keys {
                mode: Mode::Remove,
                ..
            }
        ));
        recovery.settle(&due);
        assert_eq!(recovery.len(), 0);
    }

    #[test]
    fn what_was_queued_again_while_it_was_sent_is_sent_again() {
        let recovery = Recovery::new(10);
        recovery.add_key(&key(7), Mode::Remove);
        let due = recovery.due().unwrap();
        recovery.add_key(&key(7), Mode::Remove);
        recovery.settle(&due);
        assert!(recovery.is_dirty(&key(7)));
    }

    #[test]
    fn more_than_there_is_room_for_becomes_a_clearing_of_everything() {
        let recovery = Recovery::new(2);
        recovery.add_key(&key(1), Mode::Remove);
        recovery.add_group("shared tag:a", Mode::Expire);
        let groups = vec!["shared tag:a".to_owned()];
        assert_eq!(
            recovery.add_key(&key(2), Mode::Expire),
            Queued::Overflow(groups)
        );
        assert_eq!(recovery.len(), 1);
        let due = recovery.due().unwrap();
        assert!(
            matches!(&due.change, Change::Group { group, mode: Mode::Remove, .. } if group == "*")
        );
    }

    #[test]
    fn what_is_refused_goes_behind_the_rest() {
        let recovery = Recovery::new(1_000);
        for n in 0..300 {
            recovery.add_key(&key(n), Mode::Remove);
        }
        let first = recovery.due().unwrap();
        recovery.postpone(&first);
        let second = recovery.due().unwrap();
        let Change::Keys { keys, .. } = &second.change else {
            unreachable!()
        };
        assert_eq!(keys.first(), Some(&key(256)));
        recovery.settle(&second);
        assert_eq!(recovery.len(), 300 - 256);
    }

    #[test]
    fn many_keys_are_sent_in_batches_until_none_is_left() {
        let recovery = Recovery::new(1_000);
        for n in 0..600 {
            recovery.add_key(&key(n), Mode::Expire);
        }
        let mut batches = 0;
        while let Some(due) = recovery.due() {
            recovery.settle(&due);
            batches += 1;
        }
        assert_eq!((batches, recovery.len()), (3, 0));
    }
}
