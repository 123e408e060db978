//! What was written and read, and whether a read gave what it must not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

/// Values by key: what is committed, what was invalidated when, and what reads broke the promise.
#[derive(Clone, Default)]
pub struct History(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// For each key, when a version after the first was committed.
    committed: HashMap<usize, Vec<Instant>>,
    /// For each key: up to this version everything before it was invalidated, by this pod, then.
    applied: Vec<(usize, u64, usize, Instant, &'static str)>,
    reads: usize,
    violations: Vec<String>,
}

/// A read that has begun.
#[derive(Clone, Copy)]
pub struct Begun {
    pub pod: usize,
    pub key: usize,
    at: Instant,
}

impl History {
    /// What the source holds.
    pub fn version(&self, key: usize) -> u64 {
        self.version_at(key, Instant::now())
    }

    /// What the source held then.
    pub fn version_at(&self, key: usize, then: Instant) -> u64 {
        let inner = self.0.lock().unwrap();
        let commits = inner.committed.get(&key).map_or(&[][..], Vec::as_slice);
        1 + commits.partition_point(|at| *at <= then) as u64
    }

    pub fn commit(&self, key: usize) -> u64 {
        let mut inner = self.0.lock().unwrap();
        let commits = inner.committed.entry(key).or_default();
        commits.push(Instant::now());
        1 + commits.len() as u64
    }

    /// An invalidation by this pod, of what is older than `version`, has returned `Applied`.
    pub fn applied(&self, key: usize, version: u64, pod: usize, how: &'static str) {
        let now = Instant::now();
        let applied = &mut self.0.lock().unwrap().applied;
        applied.push((key, version, pod, now, how));
    }

    pub fn begin(&self, pod: usize, key: usize) -> Begun {
        let at = Instant::now();
        Begun { pod, key, at }
    }

    /// A read has given a value that is not labelled stale: `bound` is that of the promise, and `own`
    /// that for what its own pod has invalidated.
    pub fn gave(&self, read: Begun, value: u64, bound: Duration, own: Duration) {
        let mut inner = self.0.lock().unwrap();
        inner.reads += 1;
        let newest = inner
            .applied
            .iter()
            .filter(|(key, _, pod, at, _)| {
                let is_own = *pod == read.pod && *at + own <= read.at;
                *key == read.key && (is_own || *at + bound < read.at)
            })
            .max_by_key(|(_, version, ..)| *version)
            .copied();
        if let Some((key, version, writer, at, how)) = newest
            && value < version
        {
            let late = read.at - at;
            let violation = format!(
                "pod {} gave version {value} of key {key} to a read that began {late:?} after pod \
                 {writer} had invalidated ({how}) what is older than {version}",
                read.pod
            );
            inner.violations.push(violation);
        }
    }

    pub fn reads(&self) -> usize {
        self.0.lock().unwrap().reads
    }

    pub fn violations(&self) -> Vec<String> {
        self.0.lock().unwrap().violations.clone()
    }
}
