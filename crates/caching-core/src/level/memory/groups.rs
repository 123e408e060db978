//! The tag clock: when groups were last purged, in bounded room.

use std::collections::HashMap;

use crate::coherence::Mode;
use crate::level::PurgeTimes;

/// How many groups a generation holds.
const GENERATION: usize = 65_536;

/// When groups were purged: two generations of them, and how far back those reach.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    clock: u64,
    young: HashMap<String, PurgeTimes>,
    old: HashMap<String, PurgeTimes>,
    /// The clock when the young generation began.
    young_since: u64,
    /// Purges up to here have been forgotten one by one.
    floor: u64,
}

impl Groups {
    /// The tag clock now.
    pub(super) const fn clock(&self) -> u64 {
        self.clock
    }

    /// Purges up to here are no longer known one by one.
    pub(super) const fn floor(&self) -> u64 {
        self.floor
    }

    /// Purges a group, and says when that was.
    pub(super) fn purge(&mut self, group: &str, mode: Mode) -> u64 {
        self.clock += 1;
        let times = self.young.entry(group.to_owned()).or_default();
        match mode {
            Mode::Remove => times.removed = self.clock,
            Mode::Expire => times.expired = self.clock,
        }
        if self.young.len() > GENERATION {
            self.age();
        }
        self.clock
    }

    /// When a group was last purged, as far as that is known.
    pub(super) fn times(&self, group: &str) -> PurgeTimes {
        let of = |generation: &HashMap<String, PurgeTimes>| {
            generation.get(group).copied().unwrap_or_default()
        };
        let (young, old) = (of(&self.young), of(&self.old));
        PurgeTimes {
            removed: young.removed.max(old.removed),
            expired: young.expired.max(old.expired),
        }
    }

    /// Forgets the old generation. All of it was purged before the young one began.
    fn age(&mut self) {
        self.floor = self.young_since;
        self.old = std::mem::take(&mut self.young);
        self.young_since = self.clock;
    }
}
