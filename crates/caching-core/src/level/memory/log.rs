//! The log of invalidations: what is replayed to who has missed them.

use std::collections::VecDeque;

use crate::coherence::{Change, Seq};

/// How many invalidations are kept.
const KEPT: usize = 65_536;

/// How many invalidations one answer holds.
const PAGE: usize = 512;

/// The newest invalidations in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<(Seq, Change)>,
}

impl Log {
    /// Appends what has just been given a number.
    pub(super) fn append(&mut self, seq: Seq, change: Change) {
        self.entries.push_back((seq, change));
        self.trim(KEPT);
    }

    /// What comes after `known`, a page of it, and whether there is more up to `last`. `None` where the log
    /// does not hold each number of the page.
    pub(super) fn page(&self, known: Seq, last: Seq) -> Option<(Vec<(Seq, Change)>, bool)> {
        let missed = last.number().checked_sub(known.number())?;
        let wanted = usize::try_from(missed).map_or(PAGE, |missed| missed.min(PAGE));
        let from = self.entries.partition_point(|(seq, _)| *seq <= known);
        let page: Vec<_> = self
            .entries
            .iter()
            .skip(from)
            .take(wanted)
            .cloned()
            .collect();
        // The last one in its place and as many as wanted: then none between is missing.
        let ends_at = known.number() + wanted as u64;
        let is_whole =
            page.len() == wanted && page.last().is_some_and(|(seq, _)| seq.number() == ends_at);
        is_whole.then_some((page, missed > PAGE as u64))
    }

    /// Keeps only so many of the newest.
    pub(super) fn trim(&mut self, keep: usize) {
        let old = self.entries.len().saturating_sub(keep);
        self.entries.drain(..old);
    }

    /// Loses one of them.
    pub(super) fn lose(&mut self, seq: Seq) {
        self.entries.retain(|(number, _)| *number != seq);
    }
}
