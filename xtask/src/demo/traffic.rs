//! Writes through one pod and reads through all, and what was seen.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failure::{Failure, Result};

use super::http::{Answer, Client};

/// The bound on staleness in the settings of the sample.
pub(super) const BOUND: Duration = Duration::from_secs(1);
/// What the clients' clocks may add on a busy machine.
const SLACK: Duration = Duration::from_millis(250);
const INVOICES: usize = 8;
const BETWEEN_WRITES: Duration = Duration::from_millis(50);
const BETWEEN_READS: Duration = Duration::from_millis(3);

/// One thread that writes and one a pod that reads.
pub(super) struct Traffic {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What was seen during one scene.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) reads: u64,
    pub(super) hits: u64,
    pub(super) slowest_read: Duration,
    pub(super) writes: u64,
    pub(super) slowest_write: Duration,
    /// From the answer to a write until another pod answered with the new value, each.
    pub(super) after: Vec<Duration>,
    /// The longest time after a write at which somebody asked and was given the old value.
    pub(super) oldest: Duration,
    /// How many reads gave an old value past the bound.
    pub(super) outdated: u64,
    /// Answers with a 5xx, and requests without one.
    pub(super) failures: u64,
    pub(super) first_failure: Option<String>,
}

/// What the threads share. Each lock is held for a few statements, by one thread at a time.
struct Shared {
    pods: Vec<PodPlace>,
    paths: Vec<String>,
    /// Of each invoice, its versions and when each was acknowledged; one thread writes.
    written: Vec<Mutex<Vec<(u64, Instant)>>>,
    /// When Redis went, and when it came back.
    outages: Mutex<Vec<(Instant, Option<Instant>)>>,
    seen: Mutex<Seen>,
    is_over: AtomicBool,
}

/// Where a pod is.
struct PodPlace {
    address: Mutex<SocketAddr>,
    /// Killed or frozen by the demo: nobody asks, and what fails does not count.
    is_away: AtomicBool,
}

impl Traffic {
    /// Creates the invoices through the first pod, and begins.
    pub(super) fn begin(pods: &[SocketAddr]) -> Result<Self> {
        let first = pods[0];
        let paths: Result<Vec<String>> = (0..INVOICES).map(|place| create(first, place)).collect();
        let now = Instant::now();
        let shared = Arc::new(Shared {
            pods: pods
                .iter()
                .map(|address| PodPlace {
                    address: Mutex::new(*address),
                    is_away: AtomicBool::new(false),
                })
                .collect(),
            paths: paths?,
            written: (0..INVOICES).map(|_| Mutex::new(vec![(1, now)])).collect(),
            outages: Mutex::default(),
            seen: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        // Owned by this value: `end`, or its drop, tells them to end, and `end` waits for them.
        let writer = Arc::clone(&shared);
        let mut threads = vec![thread::spawn(move || writer.write())];
        for pod in 0..pods.len() {
            let reader = Arc::clone(&shared);
            threads.push(thread::spawn(move || reader.read(pod)));
        }
        Ok(Self { shared, threads })
    }

    /// What was seen since the last time.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut *lock(&self.shared.seen))
    }

    pub(super) fn redis_goes(&self) {
        lock(&self.shared.outages).push((Instant::now(), None));
    }

    pub(super) fn redis_comes_back(&self) {
        if let Some((_, end)) = lock(&self.shared.outages).last_mut() {
            *end = Some(Instant::now());
        }
    }

    pub(super) fn pod_goes(&self, pod: usize) {
        self.shared.pods[pod].is_away.store(true, Ordering::SeqCst);
    }

    pub(super) fn pod_comes_back(&self, pod: usize, address: SocketAddr) {
        *lock(&self.shared.pods[pod].address) = address;
        self.shared.pods[pod].is_away.store(false, Ordering::SeqCst);
    }

    /// Tells all threads to end, and waits for them.
    pub(super) fn end(&mut self) {
        // SeqCst here and at the pods: read a few hundred times a second, so the plainest order is fine.
        self.shared.is_over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }

    /// What each pod gives for each invoice now, and what was written last.
    pub(super) fn versions(&self) -> Result<(Vec<u64>, Vec<Vec<u64>>)> {
        let last = |written: &Mutex<Vec<(u64, Instant)>>| {
            lock(written).last().map_or(0, |(version, _)| *version)
        };
        let written = self.shared.written.iter().map(last).collect();
        let pods = 0..self.shared.pods.len();
        let given: Result<Vec<Vec<u64>>> = pods
            .map(|pod| {
                let mut client = Client::new();
                let paths = self.shared.paths.iter();
                paths
                    .map(|path| {
                        let answer = client.send(self.shared.address(pod), "GET", path, None);
                        let answer = answer
                            .map_err(|error| Failure::new(format!("pod {}: {error}", pod + 1)))?;
                        Ok(version(&answer).unwrap_or(0))
                    })
                    .collect()
            })
            .collect();
        Ok((written, given?))
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    fn write(&self) {
        let (mut client, mut others) = (Client::new(), Client::new());
        for turn in 0.. {
            if self.is_over() {
                return;
            }
            let place = turn % INVOICES;
            let begun = Instant::now();
            let answer = client.send(
                self.address(0),
                "PUT",
                &self.paths[place],
                Some(&invoice(place, turn)),
            );
            let acknowledged = Instant::now();
            if let Some(version) = self.judged(0, answer).as_ref().and_then(version) {
                lock(&self.written[place]).push((version, acknowledged));
                let mut seen = lock(&self.seen);
                seen.writes += 1;
                seen.slowest_write = seen.slowest_write.max(acknowledged - begun);
                drop(seen);
                for pod in 1..self.pods.len() {
                    self.ask_until_new(&mut others, pod, place, version, acknowledged);
                }
            }
            sleep(BETWEEN_WRITES);
        }
    }

    /// Asks another pod until it gives what was written.
    fn ask_until_new(
        &self,
        client: &mut Client,
        pod: usize,
        place: usize,
        new: u64,
        acknowledged: Instant,
    ) {
        while !self.is_over() && !self.is_away(pod) && acknowledged.elapsed() < BOUND * 3 {
            if self
                .ask(client, pod, place)
                .is_some_and(|given| given >= new)
            {
                lock(&self.seen).after.push(acknowledged.elapsed());
                return;
            }
            sleep(BETWEEN_READS);
        }
    }

    fn read(&self, pod: usize) {
        let mut client = Client::new();
        for turn in pod.. {
            if self.is_over() {
                return;
            }
            if !self.is_away(pod) {
                self.ask(&mut client, pod, turn % INVOICES);
            }
            sleep(BETWEEN_READS);
        }
    }

    /// One read, counted: the version that was given.
    fn ask(&self, client: &mut Client, pod: usize, place: usize) -> Option<u64> {
        let begun = Instant::now();
        let answer = client.send(self.address(pod), "GET", &self.paths[place], None);
        let took = begun.elapsed();
        let answer = self.judged(pod, answer)?;
        let given = version(&answer)?;
        let old = self.old_for(place, given, begun);
        let mut seen = lock(&self.seen);
        seen.reads += 1;
        seen.hits += u64::from(answer.cache.contains("hit"));
        // What was asked of a pod that was frozen meanwhile, waited for it.
        if !self.is_away(pod) {
            seen.slowest_read = seen.slowest_read.max(took);
        }
        // A stale value that says so is no old one.
        if let (Some(old), false) = (old, answer.cache.contains("stale")) {
            seen.oldest = seen.oldest.max(old);
            seen.outdated += u64::from(old > BOUND + SLACK);
        }
        Some(given)
    }

    /// The answer, unless it is a failure, which is counted.
    fn judged(&self, pod: usize, answer: std::io::Result<Answer>) -> Option<Answer> {
        let problem = match answer {
            Ok(answer) if answer.status < 500 => return Some(answer),
            Ok(answer) => format!("status {}: {}", answer.status, answer.body),
            Err(error) => error.to_string(),
        };
        if !self.is_away(pod) {
            let mut seen = lock(&self.seen);
            seen.failures += 1;
            seen.first_failure
                .get_or_insert_with(|| format!("pod {}: {problem}", pod + 1));
        }
        None
    }

    /// For how long a version had been replaced when a read began that gave it.
    ///
    /// What was written while Redis was away, others hear of once it is back: they then have the bound from
    /// there on.
    fn old_for(&self, place: usize, version: u64, begun: Instant) -> Option<Duration> {
        let next = lock(&self.written[place])
            .iter()
            .find(|(other, _)| *other > version)
            .map(|(_, acknowledged)| *acknowledged)?;
        let since = begun.checked_duration_since(next)?;
        let back = lock(&self.outages)
            .iter()
            .filter(|(from, _)| next >= *from)
            .find_map(|(_, to)| to.filter(|to| next <= *to + BOUND && begun >= *to));
        Some(back.map_or(since, |back| since.min(begun - back)))
    }

    fn address(&self, pod: usize) -> SocketAddr {
        *lock(&self.pods[pod].address)
    }

    fn is_away(&self, pod: usize) -> bool {
        self.pods[pod].is_away.load(Ordering::SeqCst)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}

fn create(pod: SocketAddr, place: usize) -> Result<String> {
    let answer = Client::new().send(pod, "POST", "/invoices", Some(&invoice(place, 0)));
    let answer =
        answer.map_err(|error| Failure::new(format!("cannot create an invoice: {error}")))?;
    match answer.body["id"].as_str() {
        Some(id) => Ok(format!("/invoices/{id}")),
        None => Err(Failure::new(format!(
            "cannot create an invoice: {}",
            answer.body
        ))),
    }
}

fn invoice(place: usize, turn: usize) -> Value {
    json!({
        "number": format!("DEMO-{place}"), "customer_id": "demo", "currency": "EUR",
        "lines": [{"sku": "demo", "description": "what it costs now", "quantity": 1, "unit_price": format!("{turn}.00")}],
    })
}

fn version(answer: &Answer) -> Option<u64> {
    answer.body["version"].as_u64()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked has left numbers that are whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;
    use std::time::{Duration, Instant};

    use super::{BOUND, Seen, Shared};

    const SECOND: Duration = Duration::from_secs(1);

    /// One invoice, of which version 2 was acknowledged after `second`, and one outage.
    fn history(begin: Instant, second: Duration, outage: Option<(Duration, Duration)>) -> Shared {
        let outage = outage.map(|(from, to)| (begin + from, Some(begin + to)));
        Shared {
            pods: Vec::new(),
            paths: Vec::new(),
            written: vec![Mutex::new(vec![(1, begin), (2, begin + second)])],
            outages: Mutex::new(outage.into_iter().collect()),
            seen: Mutex::new(Seen::default()),
            is_over: AtomicBool::new(false),
        }
    }

    #[test]
    fn an_answer_is_old_from_when_the_next_write_was_acknowledged() {
        let begin = Instant::now();
        let history = history(begin, SECOND, None);
        assert_eq!(
            history.old_for(0, 1, begin),
            None,
            "nothing newer was there"
        );
        assert_eq!(
            history.old_for(0, 2, begin + 9 * SECOND),
            None,
            "it is the newest"
        );
        assert_eq!(history.old_for(0, 1, begin + 4 * SECOND), Some(3 * SECOND));
    }

    #[test]
    fn what_was_written_in_an_outage_may_be_heard_of_once_redis_is_back() {
        let begin = Instant::now();
        let history = history(begin, 2 * SECOND, Some((SECOND, 5 * SECOND)));
        let in_the_outage = begin + 4 * SECOND;
        assert_eq!(history.old_for(0, 1, in_the_outage), Some(2 * SECOND));
        let after_it = begin + 5 * SECOND + BOUND / 2;
        assert_eq!(history.old_for(0, 1, after_it), Some(BOUND / 2));
        assert_eq!(history.old_for(0, 1, begin + 9 * SECOND), Some(4 * SECOND));
    }
}
