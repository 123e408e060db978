//! Whether what is kept, or is being loaded, is good enough for a caller who comes now.

use crate::clock::Tick;
use crate::coherence::{Rule, Rules};

/// A look at the clock and at the lease, in this order, from before anything is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Permit {
    now: Tick,
    is_leased: bool,
}

impl Permit {
    /// One to be given what is kept.
    #[inline]
    pub(crate) const fn to_give(rules: Rules, now: Tick, is_leased: bool) -> Self {
        Self {
            now,
            is_leased: is_leased || !rules.keep(Rule::Lease),
        }
    }

    /// One to wait for a load that is under way. Once the lease is over, an invalidation may have
    /// passed unheard since it began.
    pub(crate) const fn to_join(rules: Rules, now: Tick, is_leased: bool) -> Self {
        Self {
            now,
            is_leased: is_leased || !rules.keep(Rule::Join),
        }
    }

    /// Whether it is enough for something that this process may give on its own until then.
    #[inline]
    pub(crate) fn covers(self, own_until: Tick) -> bool {
        self.is_leased || self.now < own_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_lease_only_what_was_loaded_a_short_while_ago_is_given() {
        let now = Tick::from_nanos(5);
        let lapsed = Permit::to_give(Rules::default(), now, false);
        assert!(!lapsed.covers(Tick::ZERO));
        assert!(!lapsed.covers(now));
        assert!(lapsed.covers(Tick::from_nanos(6)));
        assert!(Permit::to_give(Rules::default(), now, true).covers(Tick::ZERO));
    }
}
