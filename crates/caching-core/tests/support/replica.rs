//! A replica: a source whose reads are as of a while ago.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caching_core::{FactoryContext, HybridCache, MemoryStore, Outcome};
use caching_testkit::Gate;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::SECOND;
use super::pods::{Pod, live, pod_with};

pub const LAG: Duration = Duration::from_secs(5);
pub const LAGGING: &str = "[defaults]\nsource_lag = '5s'\neager_refresh = 'off'";
pub const TICK: Duration = Duration::from_millis(1);

/// A source whose reads are as of a while ago, and how often it was read.
#[derive(Clone)]
pub struct Replica {
    lag: Duration,
    commits: Arc<Mutex<Vec<Instant>>>,
    runs: Arc<Mutex<usize>>,
}

impl Replica {
    /// A replica at version 1, of a source where nothing has happened for long.
    pub async fn new(lag: Duration) -> Self {
        let replica = Self {
            lag,
            commits: Arc::new(Mutex::new(vec![Instant::now()])),
            runs: Arc::default(),
        };
        live(lag + SECOND).await;
        replica
    }

    pub fn commit(&self) {
        self.commits.lock().unwrap().push(Instant::now());
    }

    pub fn version(&self) -> u64 {
        let commits = self.commits.lock().unwrap();
        let seen = commits.iter().filter(|at| at.elapsed() >= self.lag);
        seen.count() as u64
    }

    pub fn runs(&self) -> usize {
        *self.runs.lock().unwrap()
    }

    pub fn load_behind(
        &self,
        gate: &Gate,
    ) -> impl FnOnce(FactoryContext) -> BoxFuture<'static, io::Result<u64>> + Send + use<> {
        let (replica, gate) = (self.clone(), gate.clone());
        move |_| {
            Box::pin(async move {
                *replica.runs.lock().unwrap() += 1;
                let read = replica.version();
                gate.pass().await;
                Ok(read)
            })
        }
    }
}

pub async fn read(cache: &HybridCache, replica: &Replica) -> (u64, Outcome) {
    read_behind(cache, replica, &Gate::opened()).await.unwrap()
}

pub fn read_behind(
    cache: &HybridCache,
    replica: &Replica,
    gate: &Gate,
) -> JoinHandle<(u64, Outcome)> {
    let (cache, factory) = (cache.clone(), replica.load_behind(gate));
    tokio::spawn(async move {
        let read = cache.get_or_set("key", factory).tags(|| ["red"]);
        let read = read.detailed().await.unwrap();
        (*read.value, read.outcome)
    })
}

/// A pod whose start is long past.
pub async fn pod(store: &MemoryStore) -> Pod {
    let pod = pod_with(store, LAGGING).await;
    live(LAG + SECOND).await;
    pod
}
