//! The control record: which epoch it is, the last number, and the stripes that stores are checked against.

use std::time::Duration;

use crate::coherence::{Asof, Epoch, Seq};
use crate::key::KeyName;

/// What guards the records of a deployment.
#[derive(Clone, Debug)]
pub(super) struct ControlRecord {
    epoch: Epoch,
    seq: Seq,
    identity: u64,
    bound: Duration,
    /// For each stripe the last invalidation that touched it.
    stripes: Box<[Seq]>,
}

impl ControlRecord {
    /// The record of an epoch in which nothing has happened yet.
    pub(super) fn new(epoch: Epoch, identity: u64, bound: Duration) -> Self {
        Self {
            epoch,
            seq: Seq::default(),
            identity,
            bound,
            stripes: vec![Seq::default(); usize::from(KeyName::STRIPES)].into(),
        }
    }

    /// The last number.
    pub(super) const fn at(&self) -> Asof {
        Asof {
            epoch: self.epoch,
            seq: self.seq,
        }
    }

    /// The server whose numbers these are.
    pub(super) const fn identity(&self) -> u64 {
        self.identity
    }

    /// The bound on staleness that the processes have agreed on.
    pub(super) const fn bound(&self) -> Duration {
        self.bound
    }

    /// The number of a new invalidation.
    pub(super) fn advance(&mut self) -> Asof {
        self.seq = Seq::new(self.seq.number() + 1);
        self.at()
    }

    /// Notes that a key was invalidated at this number.
    pub(super) fn touch(&mut self, key: &KeyName, seq: Seq) {
        if let Some(stripe) = self.stripes.get_mut(usize::from(key.stripe())) {
            *stripe = seq;
        }
    }

    /// The one rule: whether a load that began at `asof` may be stored under this key.
    pub(super) fn admits(&self, asof: Asof, key: &KeyName) -> bool {
        let stripe = self.stripes.get(usize::from(key.stripe()));
        asof.epoch == self.epoch && stripe.is_some_and(|touched| *touched <= asof.seq)
    }

    /// Whether somebody knows of numbers in this epoch that were never given out, as far as this says.
    pub(super) fn has_lost(&self, known: Asof) -> bool {
        known.epoch == self.epoch && known.seq > self.seq
    }
}
