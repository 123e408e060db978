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
    committed: HashMap<usize, u64>,
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
        *self.0.lock().unwrap().committed.entry(key).or_insert(1)
    }

    pub fn commit(&self, key: usize) -> u64 {
        let mut inner = self.0.lock().unwrap();
        let version = inner.committed.entry(key).or_insert(1);
        *version += 1;
        *version
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

    /// A read has given a value that is not labelled stale.
    pub fn gave(&self, read: Begun, value: u64, bound: Duration) {
        let mut inner = self.0.lock().unwrap();
        inner.reads += 1;
        let newest = inner
            .applied
            .iter()
            .filter(|(key, _, pod, at, _)| {
                let is_own = *pod == read.pod && *at <= read.at;
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
