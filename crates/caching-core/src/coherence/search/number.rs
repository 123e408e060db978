//! Numbers of a small world: they fit into a byte, and time is counted from now.

use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::{Asof, Epoch, Seq};

/// The bound on staleness, in ticks.
pub(super) const BOUND: u8 = 2;

/// Now: the same at all times, since what was noted grows older instead.
const NOW: u8 = 8;

/// An epoch and a number within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct At {
    pub(super) epoch: u8,
    pub(super) seq: u8,
}

impl At {
    pub(super) fn asof(self) -> Asof {
        Asof {
            epoch: Epoch::new(self.epoch.into()),
            seq: Seq::new(self.seq.into()),
        }
    }
}

impl From<Asof> for At {
    fn from(asof: Asof) -> Self {
        Self {
            epoch: small(asof.epoch.bits()),
            seq: small(asof.seq.number().into()),
        }
    }
}

/// A number of a small world.
pub(super) fn small(number: u128) -> u8 {
    u8::try_from(number).expect("a small world counts to ten")
}

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Moment(u8);

impl Moment {
    /// Long ago.
    pub(super) const NEVER: Self = Self(0);

    pub(super) const fn now() -> Self {
        Self(NOW)
    }

    pub(super) const fn after_bound(self) -> Self {
        Self(self.0 + BOUND)
    }

    pub(super) fn tick(self) -> Tick {
        Tick::from_nanos(self.0.into())
    }

    /// When something began, seen a tick later; what is older than the bound is old.
    pub(super) fn begun_later(self) -> Self {
        Self(self.0.saturating_sub(1).max(NOW - BOUND))
    }

    /// Until when something lasts, seen a tick later.
    pub(super) fn until_later(self) -> Self {
        match self.0.saturating_sub(1) {
            over if over <= NOW => Self::NEVER,
            until => Self(until),
        }
    }

    /// Whether it began at least the bound ago.
    pub(super) const fn is_old(self) -> bool {
        self.0 <= NOW - BOUND
    }
}

impl From<Tick> for Moment {
    fn from(tick: Tick) -> Self {
        Self(small(tick.as_nanos().into()))
    }
}

/// A tick, as the machines measure it.
pub(super) const TICK: Duration = Duration::from_nanos(1);

/// The bound, as the machines measure it.
pub(super) const fn bound() -> Duration {
    Duration::from_nanos(BOUND as u64)
}
