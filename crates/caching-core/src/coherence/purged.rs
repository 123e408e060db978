//! When a group of entries was last purged, and what that leaves of them.

use crate::coherence::purges::{Mode, Validity};

/// When a group was last purged.
///
/// Two clocks: the process' own, which moves with everything that it hears, and by which it judges
/// what it loaded itself; and that of the deployment, by which records of the store are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Purged {
    removed: u64,
    expired: u64,
    shared_removed: u64,
    shared_expired: u64,
    /// Own purges that the store has not answered yet: what it holds is not to be trusted.
    ///
    /// The store's answer may be counted before the question: a number below zero is no less to be
    /// trusted.
    pending: i32,
}

impl Purged {
    /// It was purged, at this time of the process' clock.
    pub(crate) fn purge(&mut self, mode: Mode, now: u64) {
        match mode {
            Mode::Remove => self.removed = now,
            Mode::Expire => self.expired = now,
        }
    }

    /// It was purged, at this time of the deployment's clock.
    pub(crate) fn purge_shared(&mut self, mode: Mode, clock: u64) {
        let last = match mode {
            Mode::Remove => &mut self.shared_removed,
            Mode::Expire => &mut self.shared_expired,
        };
        *last = clock.max(*last);
    }

    /// A purge was heard of, at these times of the process' clock and of the deployment's.
    pub(crate) fn hear(&mut self, mode: Mode, now: u64, clock: u64) {
        let known = match mode {
            Mode::Remove => self.shared_removed,
            Mode::Expire => self.shared_expired,
        };
        // An own one was applied before it was sent; what was loaded since knows of it. That says
        // nothing of one of others, also where it came first and is heard of last.
        if known != clock {
            self.purge(mode, now);
        }
        self.purge_shared(mode, clock);
    }

    /// An own purge waits for the store's answer.
    pub(crate) fn pend(&mut self) {
        self.pending += 1;
    }

    /// One of them waits no more.
    pub(crate) fn unpend(&mut self) {
        self.pending -= 1;
    }

    /// What was purged on the deployment's clock is not known any more, but for what came after
    /// `until`.
    pub(crate) fn forget_shared(&mut self, until: u64) {
        for last in [&mut self.shared_removed, &mut self.shared_expired] {
            if *last <= until {
                *last = 0;
            }
        }
    }

    /// Whether an own purge waits for the store's answer.
    pub(crate) const fn is_pending(&self) -> bool {
        self.pending != 0
    }

    /// The last purge on the process' clock.
    pub(crate) fn last(&self) -> u64 {
        self.removed.max(self.expired)
    }

    /// The last purge on the deployment's clock.
    pub(crate) fn last_shared(&self) -> u64 {
        self.shared_removed.max(self.shared_expired)
    }

    /// What is left of a load that began at this time of the process' clock.
    pub(crate) fn leaves(&self, since: u64) -> Validity {
        if self.removed > since {
            Validity::Removed
        } else if self.expired > since {
            Validity::Expired
        } else {
            Validity::Valid
        }
    }

    /// What is left of a record that was loaded at this time of the deployment's clock.
    pub(crate) fn leaves_of_record(&self, clock: u64) -> Validity {
        if self.pending != 0 || self.shared_removed > clock {
            Validity::Removed
        } else if self.shared_expired > clock {
            Validity::Expired
        } else {
            Validity::Valid
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purge_that_is_heard_of_after_a_later_own_one_counts() {
        let mut purged = Purged::default();
        purged.purge(Mode::Remove, 1);
        purged.pend();
        // A load begins here, then another process commits and purges, and then the store is told.
        let since = 1;
        purged.unpend();
        purged.purge_shared(Mode::Remove, 2);
        purged.hear(Mode::Remove, 3, 1);
        assert_eq!(purged.leaves(since), Validity::Removed);
    }

    #[test]
    fn an_own_purge_that_is_heard_of_leaves_what_was_loaded_since() {
        let mut purged = Purged::default();
        purged.purge(Mode::Remove, 1);
        purged.pend();
        purged.unpend();
        purged.purge_shared(Mode::Remove, 2);
        purged.hear(Mode::Remove, 3, 2);
        assert_eq!(purged.leaves(1), Validity::Valid);
    }
}
