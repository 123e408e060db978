//! The tag clock: which groups of entries were invalidated, and when.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::entry::Entry;
use crate::key::{KeyKind, KeyRef};
use crate::scope::ScopeId;
use crate::tag::Tag;

/// How many purges are remembered one by one.
const REMEMBERED: usize = 65_536;

/// A group of entries that is invalidated at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    /// All of the cache.
    Everything,
    /// All of a scope.
    Scope(ScopeId),
    /// A kind within a scope.
    Kind(ScopeId, KeyKind),
    /// What carries a tag within a scope.
    Tag(ScopeId, Tag),
}

/// How entries are invalidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Stale: it was expired with one of its groups.
    Expired,
    /// Hidden altogether: it was removed with one of its groups.
    Removed,
}

/// The times of a group's last purges, on the tag clock.
#[derive(Clone, Copy, Debug, Default)]
struct Purged {
    removed: u64,
    expired: u64,
}

/// The tag clock and what it was advanced for.
///
/// An entry is valid while none of its groups was purged since before its load began. As long as
/// nothing is purged, that is one comparison.
pub(crate) struct Purges {
    clock: AtomicU64,
    /// Purges before this are no longer known one by one: they count for everything.
    floor: AtomicU64,
    groups: papaya::HashMap<Group, Purged, foldhash::quality::RandomState>,
    /// One purge at a time: its group must be readable before the clock shows it.
    purging: Mutex<()>,
}

impl Purges {
    pub(crate) fn new() -> Self {
        Self {
            clock: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            groups: papaya::HashMap::with_hasher(foldhash::quality::RandomState::default()),
            purging: Mutex::new(()),
        }
    }

    /// The clock now. A load notes it before it begins.
    #[inline]
    pub(crate) fn clock(&self) -> u64 {
        // Acquire: pairs with the release in `purge`; whoever sees the clock sees the groups.
        self.clock.load(Ordering::Acquire)
    }

    /// Invalidates a group: everything whose load has begun before this returns.
    pub(crate) fn purge(&self, group: Group, mode: Mode) -> u64 {
        let _purging = self.purging.lock().unwrap_or_else(PoisonError::into_inner);
        // Relaxed: only this function writes the clock, under the lock.
        let now = self.clock.load(Ordering::Relaxed) + 1;
        let groups = self.groups.pin();
        if groups.len() >= REMEMBERED && groups.get(&group).is_none() {
            // Entries from before the floor become misses, which is dear and never wrong. The floor
            // first: whoever finds a group forgotten also finds the floor that replaced it.
            let floor = now.saturating_sub(REMEMBERED as u64 / 2);
            self.floor.store(floor, Ordering::Release);
            groups.retain(|_, purged| purged.removed.max(purged.expired) > floor);
        }
        let mut purged = groups.get(&group).copied().unwrap_or_default();
        match mode {
            Mode::Remove => purged.removed = now,
            Mode::Expire => purged.expired = now,
        }
        groups.insert(group, purged);
        self.clock.store(now, Ordering::Release);
        now
    }

    /// What the purges leave of an entry.
    #[inline]
    pub(crate) fn judge(&self, key: &KeyRef<'_>, entry: &Entry) -> Validity {
        let clock = self.clock();
        if entry.is_checked(clock) {
            return Validity::Valid;
        }
        let validity = self.look(key, entry.tags.as_deref().unwrap_or(&[]), entry.tag_clock);
        if validity == Validity::Valid {
            entry.set_checked(clock);
        }
        validity
    }

    /// What the purges after `since` leave of a load with these tags.
    #[cold]
    pub(crate) fn look(&self, key: &KeyRef<'_>, tags: &[Tag], since: u64) -> Validity {
        let groups = self.groups.pin();
        let judge = |group: &Group| match groups.get(group) {
            Some(purged) if purged.removed > since => Validity::Removed,
            Some(purged) if purged.expired > since => Validity::Expired,
            _ => Validity::Valid,
        };
        let whole = [
            Group::Everything,
            Group::Scope(key.scope),
            Group::Kind(key.scope, key.kind),
        ];
        let worst = whole
            .iter()
            .map(judge)
            .chain(
                tags.iter()
                    .map(|tag| judge(&Group::Tag(key.scope, tag.clone()))),
            )
            .max()
            .unwrap_or(Validity::Valid);
        // After the look: whoever found a group forgotten also finds the floor that replaced it.
        if since < self.floor.load(Ordering::Acquire) {
            return Validity::Removed;
        }
        worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyHasher, StoredKey};

    fn key() -> StoredKey {
        KeyHasher::new()
            .key(ScopeId::SHARED, KeyKind::PLAIN, b"key")
            .to_stored()
    }

    fn tag(text: &str) -> Group {
        Group::Tag(ScopeId::SHARED, text.into())
    }

    #[test]
    fn a_purge_hides_what_was_loaded_before_it_and_nothing_after() {
        let (purges, key) = (Purges::new(), key());
        let tags = [Tag::from("a"), Tag::from("b")];
        let before = purges.clock();
        purges.purge(tag("b"), Mode::Remove);
        let after = purges.clock();
        assert_eq!(purges.look(&key.as_ref(), &tags, before), Validity::Removed);
        assert_eq!(purges.look(&key.as_ref(), &tags, after), Validity::Valid);
        assert_eq!(
            purges.look(&key.as_ref(), &tags[..1], before),
            Validity::Valid
        );
    }

    #[test]
    fn a_remove_outweighs_an_expire_in_either_order() {
        for modes in [[Mode::Remove, Mode::Expire], [Mode::Expire, Mode::Remove]] {
            let (purges, key) = (Purges::new(), key());
            for mode in modes {
                purges.purge(tag("a"), mode);
            }
            let found = purges.look(&key.as_ref(), &[Tag::from("a")], 0);
            assert_eq!(found, Validity::Removed);
        }
    }

    #[test]
    fn scopes_and_kinds_are_purged_on_their_own() {
        let (purges, key) = (Purges::new(), key());
        purges.purge(Group::Scope(ScopeId::new(7)), Mode::Remove);
        purges.purge(
            Group::Kind(ScopeId::SHARED, KeyKind::new("other")),
            Mode::Remove,
        );
        assert_eq!(purges.look(&key.as_ref(), &[], 0), Validity::Valid);
        purges.purge(Group::Kind(ScopeId::SHARED, KeyKind::PLAIN), Mode::Expire);
        assert_eq!(purges.look(&key.as_ref(), &[], 0), Validity::Expired);
        purges.purge(Group::Everything, Mode::Remove);
        assert_eq!(purges.look(&key.as_ref(), &[], 0), Validity::Removed);
    }

    #[test]
    fn a_million_purges_take_bounded_room_and_none_is_forgotten() {
        let (purges, key) = (Purges::new(), key());
        let first = [Tag::from("tag 0")];
        let before = purges.clock();
        for n in 0..1_000_000 {
            purges.purge(tag(&format!("tag {n}")), Mode::Remove);
        }
        assert!(purges.groups.len() <= REMEMBERED);
        assert_eq!(
            purges.look(&key.as_ref(), &first, before),
            Validity::Removed
        );
        let now = purges.clock();
        assert_eq!(purges.look(&key.as_ref(), &first, now), Validity::Valid);
    }
}
