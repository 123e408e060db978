//! What a process knows of a partition: a state machine that is told of messages, answers and time.

use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::{Asof, Epoch, Rule, Rules, Seq};

/// What a process knows of a partition, and until when that is good enough to serve by.
///
/// It does no I/O and reads no clock. Whoever drives it applies what it is told to, to L1 and to the
/// stripes, **before** it lets anybody see the lease that came with it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Control {
    epoch: Epoch,
    /// The epoch before: notices of it may still be on their way, and say nothing any more.
    previous: Epoch,
    /// Everything up to here has been applied.
    applied: Seq,
    /// Stores whose load began before this are refused: what happened between is unknown.
    floor: Seq,
    lease_until: Tick,
    /// Whether something was seen since the last poll was sent that its answer may not know of.
    is_doubted: bool,
    is_stopped: bool,
    rules: Rules,
}

/// What to do about a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is the next one: apply it.
    Apply,
    /// It was applied before.
    Known,
    /// Something is missing before it, or it is of another epoch: the lease is over; poll now.
    PollNow,
}

/// An answer to a poll, as far as this machine is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing happened after what was sent.
    UpToDate,
    /// Invalidations up to `last`, without a hole, and whether there are more. They were applied
    /// before this is told.
    Replay { last: Seq, more: bool },
    /// What happened cannot be told.
    Break { at: Asof },
}

/// What to do about an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    /// It answers a question that is no longer asked: poll again.
    Outdated,
    /// What it told, which was applied before this, counts as applied. Poll again for the rest.
    PollAgain,
    /// The same, and that was all. The lease is renewed.
    Renewed,
    /// Trust nothing of before: every entry is suspect, every flight is detached.
    Break,
}

impl Control {
    /// A process that knows nothing: it may not serve until it has polled.
    pub(crate) const fn unknowing(rules: Rules) -> Self {
        Self {
            epoch: Epoch::new(0),
            previous: Epoch::new(0),
            applied: Seq::new(0),
            floor: Seq::new(0),
            lease_until: Tick::ZERO,
            is_doubted: false,
            is_stopped: false,
            rules,
        }
    }

    /// A cache that shares nothing: there is nobody to miss anything from.
    pub(crate) const fn alone(epoch: Epoch, rules: Rules) -> Self {
        Self {
            epoch,
            lease_until: Tick::NEVER,
            ..Self::unknowing(rules)
        }
    }

    /// What has been applied; what a load that begins now knows, and what a poll sends.
    pub(crate) const fn known(&self) -> Asof {
        Asof {
            epoch: self.epoch,
            seq: self.applied,
        }
    }

    /// What a poll sends that is about to be. One is in flight at a time.
    pub(crate) fn ask(&mut self) -> Asof {
        self.is_doubted = false;
        self.known()
    }

    /// Until when entries may be served.
    pub(crate) const fn lease_until(&self) -> Tick {
        if self.is_stopped {
            return Tick::ZERO;
        }
        self.lease_until
    }

    /// An own invalidation was answered. Its effects here are up to the caller, who applies them
    /// before this; false where the answer is of another epoch: the lease is then over, and there is
    /// nothing to apply it to.
    pub(crate) fn own(&mut self, at: Asof) -> bool {
        if at.epoch != self.epoch {
            self.doubt();
            return false;
        }
        // Else something of others is on its way, and this one's own notice comes after it.
        if at.seq == self.applied.next() {
            self.applied = at.seq;
        }
        true
    }

    /// The number of a new invalidation, in a cache that shares nothing.
    pub(crate) fn advance(&mut self) -> Asof {
        self.applied = self.applied.next();
        self.known()
    }

    /// What [`hear`](Self::hear) would say.
    pub(crate) fn would_hear(&self, at: Asof) -> Heard {
        let is_gap = at.seq > self.applied.next() && self.rules.keep(Rule::Log);
        if at.epoch == self.previous && at.epoch != Epoch::default() {
            Heard::Known
        } else if at.epoch != self.epoch || is_gap {
            Heard::PollNow
        } else if at.seq <= self.applied {
            Heard::Known
        } else {
            Heard::Apply
        }
    }

    /// A notice came. On [`Heard::Apply`] it counts as applied from now on.
    pub(crate) fn hear(&mut self, at: Asof) -> Heard {
        let heard = self.would_hear(at);
        match heard {
            Heard::Known => {}
            Heard::Apply => self.applied = at.seq,
            Heard::PollNow => self.lapse(),
        }
        heard
    }

    /// A poll that sent `known`, at a time `sent_at` read before sending, was answered. What it told
    /// was applied before this.
    pub(crate) fn told(
        &mut self,
        known: Asof,
        sent_at: Tick,
        bound: Duration,
        answer: Told,
    ) -> Polled {
        if known.epoch != self.epoch {
            return Polled::Outdated;
        }
        match answer {
            Told::UpToDate if self.is_doubted => Polled::Outdated,
            Told::UpToDate => {
                self.renew(sent_at, bound);
                Polled::Renewed
            }
            Told::Replay { last, more } => {
                self.applied = self.applied.max(last);
                if more || self.is_doubted {
                    return Polled::PollAgain;
                }
                self.renew(sent_at, bound);
                Polled::Renewed
            }
            // Whoever has applied something since then has asked a better question meanwhile.
            Told::Break { .. } if known.seq != self.applied => Polled::Outdated,
            Told::Break { at } if !self.breaks(at) => {
                self.epoch = at.epoch;
                self.applied = at.seq;
                self.renew(sent_at, bound);
                Polled::Renewed
            }
            Told::Break { at } => {
                if self.epoch != at.epoch {
                    self.previous = self.epoch;
                }
                self.epoch = at.epoch;
                self.applied = at.seq;
                if self.rules.keep(Rule::Floor) {
                    self.floor = at.seq;
                }
                // An own invalidation of the new epoch may have been answered before this was.
                self.lease_until = match self.is_doubted {
                    true => Tick::ZERO,
                    false => sent_at.after(bound),
                };
                Polled::Break
            }
        }
    }

    /// Something was seen that does not fit: nothing may be served until a poll has been answered
    /// that was sent after this.
    pub(crate) fn doubt(&mut self) {
        self.is_doubted = true;
        self.lapse();
    }

    /// Nothing may be served until a poll has been answered: a notice was missing, say, and whatever
    /// poll is in flight tells as much as the bound allows.
    pub(crate) fn lapse(&mut self) {
        self.lease_until = Tick::ZERO;
    }

    /// The one rule: whether a load that began at `asof` may be stored, where the last invalidation
    /// of its stripe was `touched`.
    pub(crate) fn admits(&self, asof: Asof, touched: Asof) -> bool {
        // A stripe that was last touched in an epoch of before is covered by the floor.
        let touched = if touched.epoch == self.epoch {
            touched.seq
        } else {
            Seq::new(0)
        };
        if !self.rules.keep(Rule::StoreInL1) {
            return true;
        }
        asof.epoch == self.epoch && asof.seq >= touched && asof.seq >= self.floor
    }

    /// Nothing is given any more.
    pub(crate) fn stop(&mut self) {
        self.is_stopped = true;
        self.lapse();
    }

    /// What is noted of a stripe whose last invalidation was `touched`, after one at `at`.
    pub(crate) fn touch(&self, touched: Asof, at: Asof) -> Asof {
        if touched.epoch == at.epoch {
            return Asof {
                seq: touched.seq.max(at.seq),
                ..at
            };
        }
        // One of an epoch of before is not put in the place of one of this.
        match self.epoch == at.epoch {
            true => at,
            false => touched,
        }
    }

    pub(crate) const fn rules(&self) -> Rules {
        self.rules
    }

    /// Whether a break is one.
    fn breaks(&self, at: Asof) -> bool {
        let is_first = self.epoch == Epoch::default();
        is_first || at.epoch == self.epoch || self.rules.keep(Rule::Epoch)
    }

    fn renew(&mut self, sent_at: Tick, bound: Duration) {
        // Never shortened: an answer that took long says less than one that came since.
        self.lease_until = self.lease_until.max(sent_at.after(bound));
    }
}

#[cfg(test)]
impl Control {
    /// The same, seen from `by` later: for who counts time from now on. A lease that is over by
    /// `now` is like any other that is over.
    pub(crate) fn seen_later(&mut self, by: Duration, now: Tick) {
        let until = self.lease_until.before(by);
        self.lease_until = if until > now { until } else { Tick::ZERO };
    }
}
