//! When invalidations were heard of: what a load has to know whose source lags behind its writes.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Tick;
use crate::key::BuildPrehashed;

/// Of how many groups it is remembered when they were purged.
const REMEMBERED: usize = 65_536;

/// When the last two of some invalidations were heard of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recent {
    last: Option<Tick>,
    before: Option<Tick>,
}

/// Which invalidations a source may not have known of when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// None: it was behind by less than that.
    Nothing,
    /// One, which was heard of then.
    One(Tick),
    /// More than one, or nobody knows since when.
    Several,
}

impl Recent {
    /// Notes one. `is_late`: it may be from longer ago than the bound, so that when it was heard of
    /// says little of when it was; it counts as several.
    pub(crate) fn note(&mut self, now: Tick, is_late: bool) {
        // Two threads may come in another order than they read the clock.
        let now = self.last.map_or(now, |last| last.max(now));
        self.before = if is_late { Some(now) } else { self.last };
        self.last = Some(now);
    }

    /// What a source may not have known of that was read at `begun` and lags by up to `lag`.
    pub(crate) fn unseen(self, begun: Tick, lag: Duration) -> Unseen {
        let is_unseen = |at: Tick| begun < at.after(lag);
        match (self.before.filter(|at| is_unseen(*at)), self.last) {
            (Some(_), _) => Unseen::Several,
            (None, Some(at)) if is_unseen(at) => Unseen::One(at),
            _ => Unseen::Nothing,
        }
    }
}

impl Unseen {
    /// This, and that.
    pub(crate) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, unseen) | (unseen, Self::Nothing) => unseen,
            _ => Self::Several,
        }
    }
}

/// When groups were purged, and when it could not be told what was missed.
pub(crate) struct News {
    /// By a hash of the group's name: two of one hash are purged together, which is dear and never
    /// wrong.
    groups: papaya::HashMap<u64, Recent, BuildPrehashed>,
    hasher: foldhash::quality::RandomState,
    /// One more than the time of the last break; zero while there was none.
    unsure: AtomicU64,
}

impl News {
    pub(crate) fn new() -> Self {
        Self {
            groups: papaya::HashMap::default(),
            hasher: foldhash::quality::RandomState::default(),
            unsure: AtomicU64::new(0),
        }
    }

    /// Notes the purge of a group, before it takes effect: whoever knows of it finds this.
    pub(crate) fn note(&self, group: &str, now: Tick, is_late: bool) {
        let groups = self.groups.pin();
        if groups.len() >= REMEMBERED {
            // First, so that nobody finds neither. Another thread may have noted what is from after that.
            self.doubt(now);
            groups.retain(|_, recent| recent.last > Some(now));
        }
        let noted = |recent: &Recent| {
            let mut recent = *recent;
            recent.note(now, is_late);
            recent
        };
        groups.update_or_insert(self.hash(group), noted, noted(&Recent::default()));
    }

    /// Notes that it is not known what was invalidated before now, and when.
    pub(crate) fn doubt(&self, now: Tick) {
        // Release, and acquire in `unseen`: noted before the break counts.
        self.unsure
            .fetch_max(now.as_nanos().saturating_add(1), Ordering::Release);
    }

    /// What a source may not have known of that was read at `begun` and lags by up to `lag`.
    pub(crate) fn unseen(&self, groups: &[String], begun: Tick, lag: Duration) -> Unseen {
        let unsure = self.unsure.load(Ordering::Acquire).checked_sub(1);
        let is_unsure = unsure.is_some_and(|at| begun < Tick::from_nanos(at).after(lag));
        let known = self.groups.pin();
        let of_groups = groups
            .iter()
            .filter_map(|group| known.get(&self.hash(group)))
            .map(|recent| recent.unseen(begun, lag))
            .fold(Unseen::Nothing, Unseen::and);
        match is_unsure {
            true => Unseen::Several,
            false => of_groups,
        }
    }

    fn hash(&self, group: &str) -> u64 {
        self.hasher.hash_one(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_nanos(10);

    const fn at(nanos: u64) -> Tick {
        Tick::from_nanos(nanos)
    }

    fn noted(times: &[u64]) -> Recent {
        let mut recent = Recent::default();
        for time in times {
            recent.note(at(*time), false);
        }
        recent
    }

    #[test]
    fn one_that_was_heard_of_within_the_lag_may_be_unseen() {
        assert_eq!(noted(&[]).unseen(at(0), LAG), Unseen::Nothing);
        assert_eq!(noted(&[5]).unseen(at(14), LAG), Unseen::One(at(5)));
        assert_eq!(noted(&[5]).unseen(at(15), LAG), Unseen::Nothing);
    }

    #[test]
    fn two_within_the_lag_are_several_and_so_is_one_that_was_heard_of_late() {
        assert_eq!(noted(&[1, 8]).unseen(at(9), LAG), Unseen::Several);
        assert_eq!(noted(&[1, 8]).unseen(at(11), LAG), Unseen::One(at(8)));
        let mut late = noted(&[]);
        late.note(at(8), true);
        assert_eq!(late.unseen(at(9), LAG), Unseen::Several);
    }

    #[test]
    fn a_group_that_was_purged_after_all_that_is_forgotten_is_not() {
        let news = News::new();
        news.note("late", at(9), false);
        for n in 0..REMEMBERED {
            news.note(&format!("{n}"), at(5), false);
        }
        let groups = ["late".to_owned()];
        assert_eq!(news.unseen(&groups, at(15), LAG), Unseen::One(at(9)));
        assert_eq!(news.unseen(&groups, at(19), LAG), Unseen::Nothing);
    }

    #[test]
    fn a_group_that_was_forgotten_counts_as_purged() {
        let news = News::new();
        for n in 0..=REMEMBERED {
            news.note(&format!("{n}"), at(5), false);
        }
        let groups = ["0".to_owned()];
        assert_eq!(news.unseen(&groups, at(14), LAG), Unseen::Several);
        assert_eq!(news.unseen(&groups, at(15), LAG), Unseen::Nothing);
    }
}
