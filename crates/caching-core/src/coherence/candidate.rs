//! A value on its way into a store, here or there, and what may stand in its way.

use crate::coherence::{Asof, Control, Rule, Rules};

/// What is known of the age of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Age {
    /// Nothing that was invalidated up to here is older than it.
    pub(crate) asof: Asof,
    /// The tag clock of this process before it was loaded or asked for.
    pub(crate) tag_clock: u64,
}

/// A value that is about to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Candidate {
    pub(crate) age: Age,
    /// Whether its key was invalidated, or everything became suspect, since its load began.
    pub(crate) is_detached: bool,
}

impl Candidate {
    /// As of when it may be offered to the shared store, if at all; `known_now` is what has been
    /// applied here by now.
    pub(crate) fn offered_as_of(
        self,
        rules: Rules,
        known_now: impl FnOnce() -> Asof,
    ) -> Option<Asof> {
        if !rules.keep(Rule::StoreInL2) {
            // As if the load had begun just now.
            return Some(known_now());
        }
        (!self.is_detached).then_some(self.age.asof)
    }

    /// Whether what a factory brought may be stored here, where `touched` is the last invalidation
    /// of the stripe, and `kept` is what is in its place.
    pub(crate) fn may_enter(self, control: &Control, touched: Asof, kept: Option<Age>) -> bool {
        // A purge touches no stripe. What was loaded after it is newer than what began before.
        let is_outdone = kept.is_some_and(|kept| kept.tag_clock > self.age.tag_clock);
        !is_outdone && self.is_admitted(control, touched)
    }

    /// The same for what the shared store had.
    pub(crate) fn may_enter_as_hit(
        self,
        control: &Control,
        touched: Asof,
        kept: Option<Age>,
    ) -> bool {
        let is_outdone = kept.is_some_and(|kept| {
            kept.asof.epoch == self.age.asof.epoch && kept.asof.seq > self.age.asof.seq
        });
        !is_outdone && self.may_enter(control, touched, kept)
    }

    fn is_admitted(self, control: &Control, touched: Asof) -> bool {
        let rules = control.rules();
        control.admits(self.age.asof, touched) && !(self.is_detached && rules.keep(Rule::StoreInL1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::{Epoch, Seq};

    fn at(seq: u64) -> Asof {
        Asof {
            epoch: Epoch::new(1),
            seq: Seq::new(seq),
        }
    }

    fn candidate(seq: u64, tag_clock: u64, is_detached: bool) -> Candidate {
        Candidate {
            age: Age {
                asof: at(seq),
                tag_clock,
            },
            is_detached,
        }
    }

    #[test]
    fn what_was_detached_is_stored_nowhere() {
        let control = Control::alone(Epoch::new(1), Rules::default());
        let detached = candidate(0, 0, true);
        assert!(!detached.may_enter(&control, at(0), None));
        assert_eq!(detached.offered_as_of(Rules::default(), || at(0)), None);
        assert!(candidate(0, 0, false).may_enter(&control, at(0), None));
    }

    #[test]
    fn a_newer_value_is_not_replaced_by_an_older_one() {
        let control = Control::alone(Epoch::new(1), Rules::default());
        let kept = Some(candidate(3, 2, false).age);
        assert!(!candidate(3, 1, false).may_enter(&control, at(0), kept));
        assert!(candidate(2, 2, false).may_enter(&control, at(0), kept));
        assert!(!candidate(2, 2, false).may_enter_as_hit(&control, at(0), kept));
        assert!(candidate(3, 2, false).may_enter_as_hit(&control, at(0), kept));
    }
}
