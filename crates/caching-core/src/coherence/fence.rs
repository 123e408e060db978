//! The stripes that a store is checked against, beside what is known of the partition.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::control::{Control, Heard, Polled, Told};
use crate::coherence::{Age, Asof, Candidate, Epoch, Lease, Recent, Rules};
use crate::key::KeyName;

/// What a process knows of the sequence of invalidations, and for each stripe the last one that
/// touched it.
pub(crate) struct Fences {
    /// Held for a few comparisons, never across an await and never twice; taken after a stripe's lock, never
    /// before. Loads and stores read it together, news changes it alone.
    control: RwLock<Control>,
    /// Until when entries may be given: what `control` says, for hits, which take no lock.
    pub(crate) lease: Lease,
    /// A lock a stripe: comparing and storing must be one step, else an invalidation could pass
    /// between them. Held for a map operation, never across an await.
    stripes: Box<[Mutex<Stripe>]>,
}

/// What is known of the invalidations of a stripe.
#[derive(Default)]
struct Stripe {
    /// The last one.
    touched: Asof,
    /// When the last ones were heard of.
    recent: Recent,
}

impl Fences {
    /// Those of a cache that shares nothing, by all rules.
    #[cfg(test)]
    pub(crate) fn alone() -> Self {
        Self::of_one(Rules::default())
    }

    /// Those of a cache that shares nothing.
    pub(crate) fn of_one(rules: Rules) -> Self {
        Self::new(Control::alone(Epoch::random(), rules), Lease::for_ever())
    }

    /// Those of a cache that shares a store: nothing is known before the first poll.
    pub(crate) fn shared(rules: Rules) -> Self {
        Self::new(Control::unknowing(rules), Lease::over())
    }

    fn new(control: Control, lease: Lease) -> Self {
        Self {
            control: RwLock::new(control),
            lease,
            stripes: (0..KeyName::STRIPES).map(|_| Mutex::default()).collect(),
        }
    }

    /// What a load that begins now knows.
    pub(crate) fn asof(&self) -> Asof {
        self.control().known()
    }

    /// The number of a new invalidation, in a cache that shares nothing.
    pub(crate) fn advance(&self) -> Asof {
        self.change().advance()
    }

    /// An own invalidation was answered, and applied here. False: poll now.
    pub(crate) fn own(&self, at: Asof) -> bool {
        let mut control = self.change();
        let is_known = control.own(at);
        if !is_known {
            self.publish(&control);
        }
        is_known
    }

    /// A notice came; see [`Control::hear`]. A lapse shows at once.
    pub(crate) fn hear(&self, at: Asof, apply: impl FnOnce()) -> Heard {
        // Applied before it counts as applied, so that no poll can renew the lease in between. What is
        // to be done is decided once: an own invalidation that is answered meanwhile may close a gap,
        // and this one would count as applied without having been.
        let heard = self.control().would_hear(at);
        match heard {
            Heard::Known => {}
            Heard::Apply => {
                apply();
                // The driver is the only one who calls this, so that nothing else came in between but
                // the answer to this very one, if it is an own one, which was applied, too.
                self.change().hear(at);
            }
            Heard::PollNow => {
                let mut control = self.change();
                control.lapse();
                self.publish(&control);
            }
        }
        heard
    }

    /// A poll was answered; see [`Control::told`]. The lease shows once [`renew`](Self::renew) is
    /// called, after everything was applied.
    pub(crate) fn told(&self, known: Asof, sent_at: Tick, bound: Duration, answer: Told) -> Polled {
        self.change().told(known, sent_at, bound, answer)
    }

    /// What a poll sends that is about to be.
    pub(crate) fn ask(&self) -> Asof {
        self.change().ask()
    }

    /// Shows the lease to hits.
    pub(crate) fn renew(&self) {
        self.publish(&self.change());
    }

    /// Nothing is served any more.
    pub(crate) fn stop(&self) {
        let mut control = self.change();
        control.stop();
        self.publish(&control);
    }

    /// Nothing may be served until a poll has been answered that was sent after this.
    pub(crate) fn doubt(&self) {
        let mut control = self.change();
        control.doubt();
        self.publish(&control);
    }

    fn publish(&self, control: &Control) {
        // Under the lock of `control`, so that an older lease never overwrites a lapse.
        self.lease.set(control.lease_until());
    }

    fn control(&self) -> RwLockReadGuard<'_, Control> {
        // Every method of it leaves it whole.
        self.control.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Control> {
        self.control.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what is heard of now may be from longer ago than the bound. While the last lease
    /// lasts, or would have lasted, it is not: what came before its poll was told by that.
    pub(crate) fn is_late(&self, now: Tick) -> bool {
        self.lease.lapsed_at() <= now
    }

    /// Locks a stripe.
    pub(crate) fn lock(&self, stripe: u16) -> StripeGuard<'_> {
        StripeGuard {
            fences: self,
            // Numbers are right whatever the thread that held the lock came to.
            known: self.stripes[usize::from(stripe) % self.stripes.len()]
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// The lock of a stripe; whoever changes what L1 holds under a key of it has one.
pub(crate) struct StripeGuard<'a> {
    fences: &'a Fences,
    known: MutexGuard<'a, Stripe>,
}

impl StripeGuard<'_> {
    /// The one rule: whether a load that began at `asof` may be stored here.
    pub(crate) fn admits(&self, asof: Asof) -> bool {
        self.fences.control().admits(asof, self.known.touched)
    }

    /// Whether what a factory brought may be stored here, in the place of what is `kept`.
    pub(crate) fn lets_in(&self, candidate: Candidate, kept: Option<Age>) -> bool {
        candidate.may_enter(&self.fences.control(), self.known.touched, kept)
    }

    /// The same for what the shared store had.
    pub(crate) fn lets_in_hit(&self, candidate: Candidate, kept: Option<Age>) -> bool {
        candidate.may_enter_as_hit(&self.fences.control(), self.known.touched, kept)
    }

    /// The last invalidation that touched the stripe.
    pub(crate) fn touched(&self) -> Asof {
        self.known.touched
    }

    /// When the last invalidations that touched the stripe were heard of.
    pub(crate) fn recent(&self) -> Recent {
        self.known.recent
    }

    /// Records an invalidation of this stripe, which is heard of now.
    pub(crate) fn bump(&mut self, at: Asof, now: Tick) {
        let touched = self.fences.control().touch(self.known.touched, at);
        // One that is heard of once more is no other one.
        if touched != self.known.touched {
            self.known.touched = touched;
            self.note(now);
        }
    }

    /// Notes that something of this stripe was invalidated which has no number yet.
    pub(crate) fn note(&mut self, now: Tick) {
        let is_late = self.fences.is_late(now);
        self.known.recent.note(now, is_late);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coherence::Seq;

    #[test]
    fn a_load_that_began_before_an_invalidation_is_not_stored() {
        let fences = Fences::alone();
        let before = fences.asof();
        fences.lock(7).bump(fences.advance(), Tick::ZERO);
        assert!(!fences.lock(7).admits(before));
        assert!(fences.lock(7).admits(fences.asof()));
    }

    #[test]
    fn an_invalidation_of_another_stripe_does_not_matter() {
        let fences = Fences::alone();
        let before = fences.asof();
        fences.lock(7).bump(fences.advance(), Tick::ZERO);
        assert!(fences.lock(8).admits(before));
    }

    #[test]
    fn a_load_of_another_epoch_is_not_stored() {
        let fences = Fences::alone();
        let foreign = Asof {
            epoch: Epoch::new(2),
            seq: Seq::new(9),
        };
        assert!(!fences.lock(7).admits(foreign));
    }

    #[test]
    fn a_late_bump_does_not_take_a_later_one_back() {
        let fences = Fences::alone();
        let first = fences.advance();
        let between = fences.asof();
        let second = fences.advance();
        fences.lock(7).bump(second, Tick::ZERO);
        fences.lock(7).bump(first, Tick::ZERO);
        assert!(!fences.lock(7).admits(between));
    }
}
