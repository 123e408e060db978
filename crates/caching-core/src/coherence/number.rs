//! Epochs and sequence numbers: how invalidations are counted.

/// Names an unbroken run of sequence numbers. Numbers of two epochs are never compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Epoch {
    // Halves: a whole one stands at addresses divisible by 16 only, which makes an entry larger by twice that.
    high: u64,
    low: u64,
}

impl Epoch {
    /// The epoch with these 128 random bits.
    #[must_use]
    pub const fn new(bits: u128) -> Self {
        Self {
            high: (bits >> 64) as u64,
            low: bits as u64,
        }
    }

    /// An epoch of its own for a cache that shares nothing.
    pub(crate) fn random() -> Self {
        Self::new(fastrand::u128(..))
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
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

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
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

impl Asof {
    /// Whether something that is known as of this was loaded after the invalidation `at`.
    #[must_use]
    pub fn is_after(self, at: Self) -> bool {
        self.epoch == at.epoch && self.seq >= at.seq
    }
}
