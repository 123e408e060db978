//! Sequence numbers of invalidations, and the stripes that a store is checked against.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many stripes the keys are spread over. A power of two.
///
/// Two keys of one stripe can cost each other a store, never a stale value.
const STRIPES: usize = 4096;

/// Names an unbroken run of sequence numbers. Numbers of two epochs are never compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Epoch(u128);

impl Epoch {
    /// The epoch with these 128 random bits.
    #[must_use]
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// An epoch of its own for a cache that shares nothing.
    pub(crate) fn random() -> Self {
        Self(fastrand::u128(..))
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }
}

/// The number of an invalidation within its epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(u64);

impl Seq {
    /// The sequence number `number`.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// What was known when a load began: everything up to `seq` in `epoch` had been invalidated before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asof {
    /// The run of numbers that `seq` belongs to.
    pub epoch: Epoch,
    /// The last invalidation known.
    pub seq: Seq,
}

/// The sequence of invalidations, and for each stripe the last one that touched it.
pub(crate) struct Fences {
    epoch: Epoch,
    last: AtomicU64,
    /// A lock a stripe: comparing and storing must be one step, else an invalidation could pass
    /// between them. Held for a map operation, never across an await.
    stripes: Box<[Mutex<Seq>]>,
}

impl Fences {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            last: AtomicU64::new(0),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
        }
    }

    /// What a load that begins now knows.
    pub(crate) fn asof(&self) -> Asof {
        Asof {
            epoch: self.epoch,
            // Acquire: pairs with the release of `advance`. A load that sees the number of an
            // invalidation began after it was called, hence after the write it reports.
            seq: Seq(self.last.load(Ordering::Acquire)),
        }
    }

    /// The number of a new invalidation.
    pub(crate) fn advance(&self) -> Asof {
        Asof {
            epoch: self.epoch,
            seq: Seq(self.last.fetch_add(1, Ordering::AcqRel) + 1),
        }
    }

    /// Locks the stripe of a key.
    pub(crate) fn lock(&self, hash: u64) -> StripeGuard<'_> {
        // The top bits: the index uses the low ones, and the two should not go together.
        let stripe = (hash >> 32) as usize % STRIPES;
        StripeGuard {
            epoch: self.epoch,
            // A number is right whatever the thread that held the lock came to.
            touched: self.stripes[stripe]
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// The lock of a stripe; whoever changes what L1 holds under a key of it has one.
pub(crate) struct StripeGuard<'a> {
    epoch: Epoch,
    touched: MutexGuard<'a, Seq>,
}

impl StripeGuard<'_> {
    /// The one rule: whether a load that began at `asof` may be stored here.
    pub(crate) fn admits(&self, asof: Asof) -> bool {
        asof.epoch == self.epoch && *self.touched <= asof.seq
    }

    /// Records an invalidation of this stripe.
    pub(crate) fn bump(&mut self, at: Asof) {
        *self.touched = at.seq.max(*self.touched);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_began_before_an_invalidation_is_not_stored() {
        let fences = Fences::new(Epoch::new(1));
        let before = fences.asof();
        fences.lock(7).bump(fences.advance());
        assert!(!fences.lock(7).admits(before));
        assert!(fences.lock(7).admits(fences.asof()));
    }

    #[test]
    fn an_invalidation_of_another_stripe_does_not_matter() {
        let fences = Fences::new(Epoch::new(1));
        let before = fences.asof();
        fences.lock(7 << 32).bump(fences.advance());
        assert!(fences.lock(8 << 32).admits(before));
    }

    #[test]
    fn a_load_of_another_epoch_is_not_stored() {
        let fences = Fences::new(Epoch::new(1));
        let foreign = Asof {
            epoch: Epoch::new(2),
            seq: Seq::new(9),
        };
        assert!(!fences.lock(7).admits(foreign));
    }

    #[test]
    fn a_late_bump_does_not_take_a_later_one_back() {
        let fences = Fences::new(Epoch::new(1));
        let first = fences.advance();
        let between = fences.asof();
        let second = fences.advance();
        fences.lock(7).bump(second);
        fences.lock(7).bump(first);
        assert!(!fences.lock(7).admits(between));
    }
}
