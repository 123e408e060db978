//! Writes and reads on all pods at once, and whether anybody was told something that had been replaced.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{Client, Program, invoice};

/// The bound on staleness that the settings of the repository give.
pub const BOUND: Duration = Duration::from_secs(1);
/// What a busy machine may add to it: the times are taken by clients.
const SLACK: Duration = Duration::from_millis(500);
/// The longest pause between two attempts of a pod to connect: what it has queued goes out after it.
const RECONNECT: Duration = Duration::from_secs(2);
/// How many invoices are written and read.
pub const INVOICES: usize = 6;
const CUSTOMER: &str = "7";

/// Writes and reads on all pods, until it is stopped.
pub struct Load {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct LoadReport {
    pub reads: u64,
    pub hits: u64,
    pub writes: u64,
    /// Answers with a 5xx, and requests without an answer.
    pub failures: Vec<String>,
    /// Reads that gave what had been replaced for longer than the bound.
    pub outdated: Vec<String>,
}

struct Shared {
    clients: Vec<Client>,
    paths: Vec<String>,
    /// Of each invoice, the versions and when each was acknowledged.
    written: Vec<Mutex<Vec<(u64, Instant)>>>,
    /// When Redis went, and when it was let come back.
    outages: Mutex<Vec<(Instant, Option<Instant>)>>,
    is_over: AtomicBool,
    report: Mutex<LoadReport>,
}

impl Load {
    /// Begins, with two readers and a writer a pod.
    pub async fn on(pods: &[Program]) -> Self {
        let clients: Vec<Client> = pods.iter().map(|pod| pod.client.clone()).collect();
        let mut paths = Vec::new();
        for number in 0..INVOICES {
            let id = clients[0]
                .create("acme", &format!("L-{number}"), CUSTOMER)
                .await;
            paths.push(format!("/invoices/{id}"));
        }
        let now = Instant::now();
        let shared = Arc::new(Shared {
            clients,
            paths,
            written: (0..INVOICES).map(|_| Mutex::new(vec![(1, now)])).collect(),
            outages: Mutex::default(),
            is_over: AtomicBool::new(false),
            report: Mutex::default(),
        });
        let mut tasks = Vec::new();
        for pod in 0..shared.clients.len() {
            // Owned by this value; `stop` waits for each.
            tasks.push(tokio::spawn(Arc::clone(&shared).write(pod)));
            for reader in 0..2 {
                tasks.push(tokio::spawn(Arc::clone(&shared).read(pod, reader * 3)));
            }
        }
        Self { shared, tasks }
    }

    /// Redis is about to go.
    pub fn outage_begins(&self) {
        self.outages().push((Instant::now(), None));
    }

    /// Redis is about to be let come back.
    pub fn outage_ends(&self) {
        if let Some((_, end)) = self.outages().last_mut() {
            *end = Some(Instant::now());
        }
    }

    fn outages(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Option<Instant>)>> {
        self.shared.outages.lock().expect("no panic")
    }

    /// Ends it, waits until all pods agree with what was written last, and tells what came of it.
    pub async fn stop(self) -> LoadReport {
        let shared = Arc::clone(&self.shared);
        let report = self.end().await;
        tokio::time::sleep(BOUND).await;
        shared.agree().await;
        report
    }

    /// Ends it, and tells what came of it.
    pub async fn end(self) -> LoadReport {
        // Relaxed: a flag that only ends loops.
        self.shared.is_over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no panic");
        }
        std::mem::take(&mut self.shared.report.lock().expect("no panic"))
    }

    /// How many reads there were up to now, how many of them were hits, and how many writes.
    pub fn progress(&self) -> (u64, u64, u64) {
        let report = self.shared.report.lock().expect("no panic");
        (report.reads, report.hits, report.writes)
    }
}

impl LoadReport {
    /// No failure, and nothing outdated.
    pub fn assert_good(&self) {
        assert!(
            self.failures.is_empty(),
            "{} failures: {:?}",
            self.failures.len(),
            first(&self.failures)
        );
        assert!(
            self.outdated.is_empty(),
            "{} outdated: {:?}",
            self.outdated.len(),
            first(&self.outdated)
        );
        assert!(
            self.reads > 50 && self.writes > 10,
            "hardly any load: {self:?}"
        );
        assert!(self.hits > 0, "nothing was ever kept: {self:?}");
    }
}

fn first(all: &[String]) -> &[String] {
    &all[..all.len().min(5)]
}

impl Shared {
    async fn write(self: Arc<Self>, pod: usize) {
        // Each writer has invoices of its own, so that versions and acknowledgements have one order.
        let mine: Vec<usize> = (pod..INVOICES).step_by(self.clients.len()).collect();
        for turn in 0_u32.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let place = mine[turn as usize % mine.len()];
            // Always through the same pod: the others know of it by hearsay only.
            let client = &self.clients[pod];
            let body = invoice(&format!("L-{place}"), CUSTOMER, &format!("{turn}.00"));
            let request = client.request(Method::PUT, &self.paths[place]).json(&body);
            if let Some((_, body)) = self.send(request, "PUT").await {
                let version = body["version"].as_u64().expect("a version");
                let mut written = self.written[place].lock().expect("no panic");
                written.push((version, Instant::now()));
                self.report.lock().expect("no panic").writes += 1;
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    async fn read(self: Arc<Self>, pod: usize, from: usize) {
        for turn in from.. {
            if self.is_over.load(Ordering::Relaxed) {
                return;
            }
            let place = turn % INVOICES;
            let begun = Instant::now();
            let request = self.clients[pod].request(Method::GET, &self.paths[place]);
            if let Some((cache, body)) = self.send(request, "GET").await {
                let version = body["version"].as_u64().expect("a version");
                let outdated = self.outdated(place, version, begun);
                let mut report = self.report.lock().expect("no panic");
                report.reads += 1;
                report.hits += u64::from(cache.contains("hit"));
                if let (Some(since), false) = (outdated, cache.contains("stale")) {
                    report.outdated.push(format!(
                        "pod {pod} gave version {version} of {place}, {since:?} after the next one: {cache}"
                    ));
                }
            }
            tokio::time::sleep(Duration::from_millis(8)).await;
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder, what: &str) -> Option<(String, Value)> {
        let sent = request.header("x-tenant-id", "acme").send().await;
        let problem = match sent {
            Ok(answer) if answer.status().is_success() => {
                let cache = answer.headers().get("cache-status").cloned();
                let cache = cache.map(|value| value.to_str().expect("text").to_owned());
                return Some((
                    cache.unwrap_or_default(),
                    answer.json().await.expect("JSON"),
                ));
            }
            Ok(answer) => format!("{what}: {} {:?}", answer.status(), answer.text().await),
            Err(error) => format!("{what}: {error}"),
        };
        self.report.lock().expect("no panic").failures.push(problem);
        None
    }

    /// For how long a version had been replaced when a read began that gave it, if that is too long.
    fn outdated(&self, place: usize, version: u64, begun: Instant) -> Option<Duration> {
        let written = self.written[place].lock().expect("no panic");
        let (_, next) = *written.iter().find(|(other, _)| *other > version)?;
        drop(written);
        let allowed = BOUND + SLACK;
        // What was written while the writer's pod was without Redis, others hear of once it is with it again.
        let outages = self.outages.lock().expect("no panic");
        let is_waiting = outages.iter().any(|&(from, to)| {
            let Some(to) = to else { return false };
            let back = to + RECONNECT + SLACK;
            next >= from && next <= back && begun >= to && begun <= back
        });
        let since = begun.checked_duration_since(next)?;
        (since > allowed && !is_waiting).then_some(since)
    }

    /// All pods give what was written last.
    async fn agree(&self) {
        for (place, path) in self.paths.iter().enumerate() {
            let last = self.written[place]
                .lock()
                .expect("no panic")
                .last()
                .map(|(version, _)| *version);
            for (pod, client) in self.clients.iter().enumerate() {
                let answer = client.get("acme", path).await;
                assert_eq!(
                    answer.body["version"].as_u64(),
                    last,
                    "pod {pod}, invoice {place}: {answer:?}"
                );
            }
        }
    }
}
