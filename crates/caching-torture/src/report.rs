//! What a run came to, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::checker::{Verdict, Whose};
use crate::fault::Fault;
use crate::history::{Answer, Counts, History, How};

/// How many violations are told one by one.
const TOLD: usize = 5;

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// What it was drawn from.
    pub seed: u64,
    /// The rules that were left out.
    pub left_out: Vec<String>,
    /// How long it took.
    pub took: Duration,
    /// What was wrong.
    pub verdict: Verdict,
    /// What happened.
    pub history: History,
    /// Reads that failed.
    pub errors: u64,
    /// What each pod has counted, as far as it has told.
    pub counts: Vec<Counts>,
    /// Lines of pods that nobody expected.
    pub strange: Vec<String>,
    /// Where the history is kept, if something is wrong with it.
    pub kept: Option<PathBuf>,
}

impl Report {
    /// Whether it came out as it has to: without a violation, or with one where a rule was left out.
    #[must_use]
    pub fn is_as_expected(&self) -> bool {
        self.verdict.is_clean() == self.left_out.is_empty()
    }

    /// Faults whose effect was observed.
    #[must_use]
    pub fn effective_faults(&self) -> usize {
        self.history
            .faults
            .iter()
            .filter(|happened| happened.is_effective)
            .count()
    }

    fn faults(&self) -> BTreeMap<Fault, (usize, usize)> {
        let mut faults = BTreeMap::new();
        for happened in &self.history.faults {
            let (made, effective): &mut (usize, usize) = faults.entry(happened.fault).or_default();
            *made += 1;
            *effective += usize::from(happened.is_effective);
        }
        faults
    }

    fn reads(&self) -> BTreeMap<How, usize> {
        let mut reads = BTreeMap::new();
        for read in &self.history.reads {
            *reads.entry(read.how).or_default() += 1;
        }
        reads
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        writeln!(f, "seed {}, {:.1} s", self.seed, self.took.as_secs_f64())?;
        if !self.left_out.is_empty() {
            writeln!(f, "LEFT OUT: {}", self.left_out.join(", "))?;
        }
        writeln!(
            f,
            "\nfaults with an effect: {} of {} made",
            self.effective_faults(),
            self.history.faults.len()
        )?;
        for (fault, (made, effective)) in self.faults() {
            writeln!(f, "  {fault:36} {effective:>4} of {made}")?;
        }
        write!(f, "\nreads: {} (", verdict.reads)?;
        for (how, count) in self.reads() {
            write!(f, "{how:?} {count}, ")?;
        }
        writeln!(f, "errors {})", self.errors)?;
        writeln!(
            f,
            "  {} after an invalidation of their key, of these {} labelled stale",
            verdict.bound, verdict.labelled
        )?;
        let answered = |answer| {
            let of = |one: &&crate::Invalidation| one.answer == answer;
            self.history.invalidations.iter().filter(of).count()
        };
        writeln!(
            f,
            "commits: {}; invalidations: {} applied, {} queued, {} failed",
            self.history.commits.len(),
            answered(Answer::Applied),
            answered(Answer::Queued),
            answered(Answer::Failed)
        )?;
        let mut sums = Counts::new();
        for (name, count) in self.counts.iter().flatten() {
            *sums.entry(name.clone()).or_default() += count;
        }
        let sums: Vec<_> = sums
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        writeln!(f, "the pods counted: {}", sums.join(", "))?;
        for line in self.strange.iter().take(TOLD) {
            writeln!(f, "unexpected: {line}")?;
        }
        self.tell_verdict(f)
    }
}

impl Report {
    fn tell_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = &self.verdict;
        writeln!(f, "\nviolations: {}", verdict.violations.len())?;
        let mut kinds: BTreeMap<(Whose, How), (usize, Duration)> = BTreeMap::new();
        for violation in &verdict.violations {
            let (count, latest) = kinds
                .entry((violation.whose, violation.read.how))
                .or_default();
            *count += 1;
            *latest = (*latest).max(violation.late);
        }
        for ((whose, how), (count, latest)) in kinds {
            let whose = match whose {
                Whose::Own => "own invalidation",
                Whose::Anybodys => "past the bound",
            };
            writeln!(
                f,
                "  {whose}, from {how:?}: {count}, the latest {latest:.2?} after"
            )?;
        }
        for violation in verdict.violations.iter().take(TOLD) {
            writeln!(f, "  {violation}")?;
        }
        writeln!(
            f,
            "at rest: {} values compared with the source, {} unequal",
            verdict.resting,
            verdict.unequal.len()
        )?;
        for resting in verdict.unequal.iter().take(TOLD) {
            writeln!(
                f,
                "  pod {} has version {} of key {} ({:?}), the source {}",
                resting.pod, resting.found, resting.key, resting.how, resting.source
            )?;
        }
        match &self.kept {
            Some(kept) => writeln!(f, "kept in {}", kept.display()),
            None => Ok(()),
        }
    }
}
