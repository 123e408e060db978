//! Pods: caches on one store in this process, whose links and whose source do as a test says.

use std::io;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use caching_core::{
    CacheConfig, EagerRefresh, EntryOptions, FactoryContext, HybridCache, HybridCacheBuilder,
    Invalidated, L2ErrorKind, MemoryBackplane, MemoryL2, MemoryStore, Outcome, Plaintext,
    TokioClock,
};
use caching_testkit::{ChaosBackplane, ChaosL2, Gate, L2Fault, NoticeFault};
use futures::future::BoxFuture;
use tokio::task::JoinHandle;

use super::invalidations::invalidated;
use super::{SECOND, broken};

pub use super::invalidations::INVALIDATIONS;

/// How often a pod polls, and the bound on staleness.
pub const HEARTBEAT: Duration = Duration::from_millis(200);
pub const BOUND: Duration = SECOND;

/// An empty store on tokio's clock.
pub fn store() -> MemoryStore {
    MemoryStore::with_clock(TokioClock::new())
}

/// A cache, and its links to the store.
pub struct Pod {
    pub cache: HybridCache,
    pub l2: ChaosL2<MemoryL2>,
    pub backplane: ChaosBackplane<MemoryBackplane>,
}

impl Deref for Pod {
    type Target = HybridCache;

    fn deref(&self) -> &HybridCache {
        &self.cache
    }
}

/// A pod with the defaults, which has polled once.
pub async fn pod(store: &MemoryStore) -> Pod {
    pod_with(store, "").await
}

/// A pod with these tables of the section `[cache]` as TOML, which has polled once.
pub async fn pod_with(store: &MemoryStore, toml: &str) -> Pod {
    started(unstarted(store, toml, |builder| builder)).await
}

/// Lets a pod poll and subscribe.
pub async fn started(pod: Pod) -> Pod {
    assert!(pod.start(SECOND).await);
    moment().await;
    pod
}

/// A pod that has not polled yet.
pub fn unstarted(
    store: &MemoryStore,
    toml: &str,
    change: impl FnOnce(HybridCacheBuilder) -> HybridCacheBuilder,
) -> Pod {
    let config: CacheConfig = toml::from_str(&format!("key_prefix = 'test'\n{toml}")).unwrap();
    let (l2, backplane) = (
        ChaosL2::new(store.l2()),
        ChaosBackplane::new(store.backplane()),
    );
    let builder = HybridCache::builder()
        .config(config)
        .clock(TokioClock::new())
        .plaintext(Plaintext::Allowed)
        .l2(l2.clone())
        .backplane(backplane.clone());
    Pod {
        cache: change(builder).build().unwrap(),
        l2,
        backplane,
    }
}

impl Pod {
    /// The store answers nothing any more, and says so.
    pub fn lose_store(&self) {
        self.l2.set_all(L2Fault::Fail(L2ErrorKind::Unavailable));
        self.backplane.set(NoticeFault::Drop);
    }

    /// The store hears this pod no more, and never answers.
    pub fn freeze_store(&self, gate: &Gate) {
        self.l2.set_all(L2Fault::Hold(gate.clone()));
        self.backplane.set(NoticeFault::Hold);
    }

    /// Notices do not come any more, and polls are not answered.
    pub fn be_deaf(&self) {
        self.backplane.set(NoticeFault::Drop);
        let gone = L2Fault::Fail(L2ErrorKind::Unavailable);
        self.l2.set(caching_testkit::L2Operation::Poll, gone);
    }

    pub fn heal(&self) {
        self.l2.heal();
        self.backplane.heal();
    }

    /// Whether what is kept here may be given.
    pub fn is_leased(&self) -> bool {
        self.shared_status().unwrap().is_current()
    }
}

/// Lets everything run that can run without more than a moment passing.
pub async fn moment() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Lets time pass as it does: whatever is due happens on the way.
pub async fn live(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// The source of a value: its committed version, and factories that read it.
#[derive(Clone)]
pub struct Truth {
    version: Arc<AtomicU64>,
    runs: Arc<AtomicUsize>,
}

type Loading = BoxFuture<'static, Result<u64, io::Error>>;

impl Truth {
    /// A source at version 1.
    pub fn new() -> Self {
        Self {
            version: Arc::new(AtomicU64::new(1)),
            runs: Arc::default(),
        }
    }

    /// Commits another version.
    pub fn commit(&self) -> u64 {
        self.version.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// How many factories began.
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// A factory that reads, and answers at once.
    pub fn load(&self) -> impl FnOnce(FactoryContext) -> Loading + Send + use<> {
        self.load_behind(&Gate::opened())
    }

    /// A factory that reads at once, and answers when the gate lets it through.
    pub fn load_behind(
        &self,
        gate: &Gate,
    ) -> impl FnOnce(FactoryContext) -> Loading + Send + use<> {
        let (truth, gate) = (self.clone(), gate.clone());
        move |_| {
            Box::pin(async move {
                truth.runs.fetch_add(1, Ordering::SeqCst);
                let read = truth.version();
                gate.pass().await;
                Ok(read)
            })
        }
    }

    /// A factory that fails.
    pub fn fail(&self) -> impl FnOnce(FactoryContext) -> Loading + Send + use<> {
        let truth = self.clone();
        move |_| {
            truth.runs.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Err(broken()) })
        }
    }
}

/// What a read of `key` gave, and how it came to it.
pub type Read = (u64, Outcome);

/// Reads `key`, which carries the tag `red`.
pub async fn read(cache: &HybridCache, truth: &Truth) -> Read {
    read_behind(cache, truth, &Gate::opened()).await.unwrap()
}

/// Reads `key` in a task of its own, with a factory that stands at a gate once it has read.
pub fn read_behind(cache: &HybridCache, truth: &Truth, gate: &Gate) -> JoinHandle<Read> {
    let (cache, factory) = (cache.clone(), truth.load_behind(gate));
    tokio::spawn(async move {
        let read = cache
            .get_or_set("key", factory)
            .tags(|| ["red"])
            .detailed()
            .await
            .unwrap();
        (*read.value, read.outcome)
    })
}

/// Reads `key` where the source is away.
pub async fn read_broken(cache: &HybridCache, truth: &Truth) -> Option<Read> {
    let read = cache
        .get_or_set("key", truth.fail())
        .tags(|| ["red"])
        .detailed()
        .await
        .ok()?;
    Some((*read.value, read.outcome))
}

/// Options that leave the store out.
pub fn private() -> EntryOptions {
    EntryOptions::new().l2_read(false).l2_write(false)
}

/// Options without an early refresh.
pub fn lazy() -> EntryOptions {
    EntryOptions::new().eager_refresh(EagerRefresh::Off)
}

/// Invalidates `key`; `set` puts what the source holds.
pub async fn invalidate(cache: &HybridCache, how: &str, truth: &Truth) -> Invalidated {
    invalidated(cache, how, truth.version()).await
}

/// Fills the store and the pods with the version that the source holds.
pub async fn fill(pods: &[&Pod], truth: &Truth) {
    for pod in pods {
        let (value, outcome) = read(pod, truth).await;
        assert_eq!(value, truth.version());
        assert!(!outcome.is_stale());
    }
}

/// Every pod gives what the source holds, fresh.
pub async fn agree(pods: &[&Pod], truth: &Truth) {
    for pod in pods {
        let (value, outcome) = read(pod, truth).await;
        assert_eq!((value, outcome.is_stale()), (truth.version(), false));
    }
}
