//! The checker: which reads gave less than they had to.

use std::fmt;
use std::time::Duration;

use crate::demand::Demands;
use crate::history::{History, How, Read, Resting};

/// What is wrong with a history, if anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Reads that were compared with what they had to give.
    pub reads: u64,
    /// How many of them had to give something: before them, something was invalidated.
    pub bound: u64,
    /// How many of them were labelled stale, and so may be as old as they like.
    pub labelled: u64,
    /// Reads that gave less, in the order of their beginning.
    pub violations: Vec<Violation>,
    /// Values that were compared with the source when everything was healed.
    pub resting: u64,
    /// Those that were not what the source had.
    pub unequal: Vec<Resting>,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.unequal.is_empty()
    }

    /// Violations, and values that were not those of the source at rest.
    #[must_use]
    pub fn count(&self) -> usize {
        self.violations.len() + self.unequal.len()
    }
}

/// Whose invalidation a read went past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// The reading pod's own: its bound is 0.
    Own,
    /// Any pod's, for longer than the bound.
    Anybodys,
}

/// A read that gave less than it had to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The read.
    pub read: Read,
    /// The version that it had to give at least.
    pub at_least: u64,
    /// Whose invalidation demanded that.
    pub whose: Whose,
    /// Which one, by its place in the history.
    pub invalidation: usize,
    /// How long before the read it had returned.
    pub late: Duration,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { read, at_least, .. } = self;
        let whose = match self.whose {
            Whose::Own => "its own invalidation",
            Whose::Anybodys => "an invalidation",
        };
        write!(
            f,
            "pod {} gave version {} of key {} ({:?}), and had to give {at_least} at least: {whose} had returned {:?} before",
            read.pod, read.version, read.key, read.how, self.late
        )
    }
}

/// Compares each read with what was invalidated before it.
#[must_use]
pub fn check(history: &History) -> Verdict {
    let demands = Demands::of(history);
    let mut verdict = Verdict::default();
    for read in &history.reads {
        verdict.reads += 1;
        let own = demands
            .own(read.pod, read.key, read.begun)
            .map(|demand| (demand, Whose::Own));
        let anybodys = demands
            .everywhere(read.key, read.begun, history.bound)
            .map(|demand| (demand, Whose::Anybodys));
        let Some(((at_least, invalidation), whose)) = own.max(anybodys) else {
            continue;
        };
        verdict.bound += 1;
        if read.how == How::Stale {
            verdict.labelled += 1;
        } else if read.version < at_least {
            let late = history
                .invalidations
                .get(invalidation)
                .map_or(Duration::ZERO, |after| read.begun.since(after.ended));
            verdict.violations.push(Violation {
                read: *read,
                at_least,
                whose,
                invalidation,
                late,
            });
        }
    }
    verdict
        .violations
        .sort_by_key(|violation| violation.read.begun);
    let is_unequal = |resting: &&Resting| resting.found != resting.source;
    verdict.resting = history.resting.len() as u64;
    verdict.unequal = history.resting.iter().filter(is_unequal).copied().collect();
    verdict
}

#[cfg(test)]
mod tests;
