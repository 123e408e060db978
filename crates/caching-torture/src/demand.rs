//! What a read of a key has to give at least, as of a moment.

use std::collections::HashMap;
use std::time::Duration;

use crate::history::{Answer, Commit, History, Invalidation, What};
use crate::moment::Moment;

/// What reads of each key have to give at least.
pub(crate) struct Demands {
    everywhere: Vec<Demand>,
    /// On the pod that invalidated, at once.
    own: HashMap<(u32, u64), Demand>,
}

/// The versions that are demanded of one key, as time passes.
#[derive(Default)]
pub(crate) struct Demand {
    /// From when on, at least which version, and by which invalidation; both only grow.
    steps: Vec<(Moment, u64, usize)>,
}

impl Demands {
    pub(crate) fn of(history: &History) -> Self {
        let source = Source::of(history);
        let mut demands = Self {
            everywhere: Vec::new(),
            own: HashMap::new(),
        };
        demands
            .everywhere
            .resize_with(index(history.keys), Demand::default);
        let mut in_order: Vec<usize> = (0..history.invalidations.len()).collect();
        in_order.sort_unstable_by_key(|&index| history.invalidations[index].ended);
        for number in in_order {
            let invalidation = &history.invalidations[number];
            if invalidation.answer == Answer::Failed {
                continue;
            }
            for key in keys_of(history, invalidation) {
                let at_least = match invalidation.what {
                    // It publishes its own version, whatever the source has by now.
                    What::Set(_, version) => version,
                    // What was loaded before it does not count any more.
                    _ => source.version(key, invalidation.begun),
                };
                let step = (invalidation.ended, at_least, number);
                demands
                    .own
                    .entry((invalidation.pod, key))
                    .or_default()
                    .push(step);
                if invalidation.answer == Answer::Applied
                    && let Some(demand) = demands.everywhere.get_mut(index(key))
                {
                    demand.push(step);
                }
            }
        }
        demands
    }

    /// What a read of any pod has to give that begins then.
    pub(crate) fn everywhere(
        &self,
        key: u64,
        begun: Moment,
        bound: Duration,
    ) -> Option<(u64, usize)> {
        self.everywhere.get(index(key))?.before(begun, bound)
    }

    /// What a read of this pod has to give that begins then.
    pub(crate) fn own(&self, pod: u32, key: u64, begun: Moment) -> Option<(u64, usize)> {
        self.own.get(&(pod, key))?.before(begun, Duration::ZERO)
    }
}

impl Demand {
    fn push(&mut self, step: (Moment, u64, usize)) {
        if self.steps.last().is_none_or(|last| last.1 < step.1) {
            self.steps.push(step);
        }
    }

    fn before(&self, begun: Moment, bound: Duration) -> Option<(u64, usize)> {
        let count = self
            .steps
            .partition_point(|(ended, ..)| ended.after(bound) < begun);
        let (_, version, number) = self.steps.get(count.checked_sub(1)?)?;
        Some((*version, *number))
    }
}

/// The keys that an invalidation is about.
fn keys_of(history: &History, invalidation: &Invalidation) -> Vec<u64> {
    let of_tag = |tag: u64| {
        (0..history.keys)
            .filter(|key| history.tag_of(*key) == tag)
            .collect()
    };
    match invalidation.what {
        What::Remove(key) | What::Expire(key) | What::Set(key, _) => vec![key],
        What::RemoveTag(tag) | What::ExpireTag(tag) => of_tag(tag),
        What::Clear => (0..history.keys).collect(),
    }
}

/// The versions that the source had, as time passed.
struct Source<'a> {
    commits: Vec<Vec<&'a Commit>>,
}

impl<'a> Source<'a> {
    fn of(history: &'a History) -> Self {
        let mut commits = vec![Vec::new(); index(history.keys)];
        for commit in &history.commits {
            if let Some(of_key) = commits.get_mut(index(commit.key)) {
                of_key.push(commit);
            }
        }
        for of_key in &mut commits {
            of_key.sort_unstable_by_key(|commit: &&Commit| commit.version);
        }
        Self { commits }
    }

    fn version(&self, key: u64, at: Moment) -> u64 {
        let Some(of_key) = self.commits.get(index(key)) else {
            return 0;
        };
        let count = of_key.partition_point(|commit| commit.at <= at);
        count
            .checked_sub(1)
            .and_then(|last| of_key.get(last))
            .map_or(0, |commit| commit.version)
    }
}

/// A number of a key as an index; one that is none finds nothing.
fn index(key: u64) -> usize {
    usize::try_from(key).unwrap_or(usize::MAX)
}
