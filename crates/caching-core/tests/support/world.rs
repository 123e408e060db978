//! A world under a random schedule: three pods, faults on every link, and a store that forgets.

use std::time::Duration;

use caching_core::{
    Batch, CacheError, HybridCache, HybridCacheBuilder, Invalidated, L2ErrorKind, MemoryStore, Seq,
};
use caching_testkit::{Gate, L2Fault, L2Operation, NoticeFault};
use fastrand::Rng;
use tokio::time::Instant;

use super::history::History;
use super::pods::{BOUND, Pod, live, moment, started, store, unstarted};
use super::{SECOND, broken};

const PODS: usize = 3;
const KEYS: usize = 4;
const STEPS: usize = 1_500;

/// Short lives, so that expiry, early refresh and background completion all take part.
const PROFILE: &str = "[defaults]\nduration = '3s'\neager_refresh = 0.5\nretention = '20s'\n\
                       throttle = '300ms'\nfactory_soft_limit = '200ms'\nfactory_hard_limit = '3s'";

fn name(key: usize) -> String {
    format!("{key}")
}

fn tag(key: usize) -> String {
    format!("tag {}", key % 2)
}

/// The ways of invalidating, by number.
const HOWS: [&str; 9] = [
    "remove",
    "expire",
    "batch",
    "batch",
    "remove tag",
    "expire tag",
    "clear",
    "set",
    "set",
];

/// What one run came to.
pub struct Run {
    pub reads: usize,
    pub violations: Vec<String>,
    /// Of pods with the source, once all was healed.
    pub disagreements: Vec<String>,
}

struct World {
    store: MemoryStore,
    pods: Vec<Pod>,
    history: History,
    gate: Gate,
    random: Rng,
    lag: Duration,
}

impl World {
    async fn new(
        seed: u64,
        (source_lag, lag): (&str, Duration),
        change: impl Fn(HybridCacheBuilder) -> HybridCacheBuilder + Copy,
    ) -> Self {
        fastrand::seed(seed); // of the cache's own choices, on this thread
        let store = store();
        let profile = format!("{PROFILE}\nsource_lag = '{source_lag}'");
        let mut pods = Vec::new();
        for _ in 0..PODS {
            pods.push(started(unstarted(&store, &profile, change)).await);
        }
        Self {
            store,
            pods,
            history: History::default(),
            gate: Gate::closed(),
            random: Rng::with_seed(seed),
            lag,
        }
    }

    async fn step(&mut self) {
        match self.random.u32(0..100) {
            0..60 => self.read(),
            60..80 => self.write(),
            80..90 => self.break_a_link(),
            90..94 => self.heal_a_pod(),
            94..96 => self.break_the_store(),
            96..97 => tokio::time::advance(self.time(2_000)).await,
            _ => live(self.time(300)).await,
        }
        live(self.time(20)).await;
    }

    fn time(&mut self, milliseconds: u64) -> Duration {
        Duration::from_millis(self.random.u64(0..=milliseconds))
    }

    fn read(&mut self) {
        let (pod, key) = (self.random.usize(0..PODS), self.random.usize(0..KEYS));
        let is_quick = self.random.bool();
        let longest = if is_quick { 5 } else { 1_500 };
        let (before, after) = (self.time(longest), self.time(longest));
        let fails = self.random.u8(0..20) == 0;
        let only_gets = self.random.u8(0..5) == 0;
        let (lag, longest_lag) = match self.lag.as_millis() {
            0 => (Duration::ZERO, Duration::ZERO),
            longest => (self.time(longest as u64), self.lag),
        };
        let (cache, history) = (self.pods[pod].cache.clone(), self.history.clone());
        tokio::spawn(async move {
            let begun = history.begin(pod, key);
            let source = history.clone();
            let factory = move |_| async move {
                live(before).await;
                let read = source.version_at(key, Instant::now() - lag);
                live(after).await;
                if fails { Err(broken()) } else { Ok(read) }
            };
            let key = name(key);
            let read = if only_gets {
                let read = cache.get::<_, u64>(&key).detailed().await;
                read.ok()
                    .and_then(|read| Some((*read.value?, read.outcome)))
            } else {
                let load = cache.get_or_set(&key, factory);
                let read = load.tags(|| [tag(begun.key)]).detailed().await;
                read.ok().map(|read| (*read.value, read.outcome))
            };
            if let Some((value, outcome)) = read
                && !outcome.is_stale()
            {
                let bound = BOUND + longest_lag;
                let own = if longest_lag.is_zero() {
                    longest_lag
                } else {
                    bound
                };
                history.gave(begun, value, bound, own);
            }
        });
    }

    fn write(&mut self) {
        let (pod, key) = (self.random.usize(0..PODS), self.random.usize(0..KEYS));
        let how = self.random.u8(0..9);
        let pause = self.time(30);
        let (cache, history) = (self.pods[pod].cache.clone(), self.history.clone());
        tokio::spawn(async move {
            let ticket = cache.ticket(&name(key));
            let written = history.commit(key);
            live(pause).await;
            // All that was committed by now, of all that it covers; a `set` stands for its own.
            let covered: Vec<(usize, u64)> = match how {
                0..4 => vec![(key, history.version(key))],
                4..6 => (0..KEYS)
                    .filter(|other| tag(*other) == tag(key))
                    .map(|other| (other, history.version(other)))
                    .collect(),
                6 => (0..KEYS).map(|key| (key, history.version(key))).collect(),
                _ => vec![(key, written)],
            };
            let done = match how {
                7.. => {
                    let key = name(key);
                    let set = cache.set(&key, written).since(ticket);
                    set.tags([tag(covered[0].0)]).await
                }
                _ => invalidate(&cache, how, key).await,
            };
            if done.unwrap().is_applied() {
                for (key, version) in covered {
                    history.applied(key, version, pod, HOWS[usize::from(how)]);
                }
            }
        });
    }

    fn break_a_link(&mut self) {
        let pod = self.random.usize(0..PODS);
        let delay = self.time(400);
        let pod = &self.pods[pod];
        let unavailable = L2ErrorKind::Unavailable;
        let fault = match self.random.u8(0..6) {
            0 => L2Fault::Fail(unavailable),
            1 => L2Fault::LoseAnswer(unavailable),
            2 => L2Fault::Hold(self.gate.clone()),
            3 => L2Fault::HoldAnswer(self.gate.clone()),
            _ => L2Fault::Delay(delay),
        };
        let notices = [
            NoticeFault::Drop,
            NoticeFault::Duplicate,
            NoticeFault::Hold,
            NoticeFault::Hold,
        ];
        match self.random.u8(0..10) {
            0 => pod.l2.set_all(fault),
            1..4 => {
                let operation = self.random.choice(L2Operation::ALL).unwrap();
                pod.l2.set(operation, fault);
            }
            4..8 => pod.backplane.set(self.random.choice(notices).unwrap()),
            8 => pod.backplane.cut(),
            _ => {
                let random = &mut self.random;
                pod.backplane.deliver_held_in(|held| random.shuffle(held));
            }
        }
    }

    fn heal_a_pod(&mut self) {
        let pod = self.random.usize(0..PODS);
        self.pods[pod].heal();
        // What was held so far arrives now, late.
        self.gate.open();
        self.gate = Gate::closed();
    }

    /// All but going back to older data, whose bound depends on who knows better.
    fn break_the_store(&mut self) {
        match self.random.u8(0..5) {
            0 => self.store.forget_everything(),
            1 => self.store.evict_control(),
            2 => self.store.replace_server(),
            3 => self.store.trim_log(self.random.usize(0..3)),
            _ => self.store.lose_from_log(Seq::new(self.random.u64(0..200))),
        }
    }

    /// Once all is healed, every pod gives what the source holds.
    async fn end(self) -> Run {
        for pod in 0..PODS {
            self.pods[pod].heal();
        }
        self.gate.open();
        live(30 * SECOND).await;
        let mut disagreements = Vec::new();
        for key in 0..KEYS {
            for (number, pod) in self.pods.iter().enumerate() {
                let source = self.history.version(key);
                let factory = move |_| async move { Ok::<_, CacheError>(source) };
                let name = name(key);
                let read = pod.get_or_set(&name, factory).tags(|| [tag(key)]);
                let read = read.detailed().await.unwrap();
                if *read.value != source || read.outcome.is_stale() {
                    let found = format!("pod {number}, key {key}: {read:?}, not {source}");
                    disagreements.push(found);
                }
            }
        }
        Run {
            reads: self.history.reads(),
            violations: self.history.violations(),
            disagreements,
        }
    }
}

async fn invalidate(cache: &HybridCache, how: u8, key: usize) -> Result<Invalidated, CacheError> {
    let name = name(key);
    match how {
        0 => cache.remove(&name).await,
        1 => cache.expire(&name).await,
        2..4 => {
            let batch = Batch::new().remove("other").remove(&name);
            cache.invalidate(batch).await
        }
        4 => cache.remove_by_tag(tag(key)).await,
        5 => cache.expire_by_tag(tag(key)).await,
        _ => cache.clear().await,
    }
}

/// Runs the schedule of a seed.
pub fn run(seed: u64, change: impl Fn(HybridCacheBuilder) -> HybridCacheBuilder + Copy) -> Run {
    run_lagging(seed, ("0s", Duration::ZERO), change)
}

/// The same with a source that lags by up to so much, and what the profile says of that.
pub fn run_lagging(
    seed: u64,
    lag: (&str, Duration),
    change: impl Fn(HybridCacheBuilder) -> HybridCacheBuilder + Copy,
) -> Run {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut world = World::new(seed, lag, change).await;
        for _ in 0..STEPS {
            world.step().await;
        }
        moment().await;
        world.end().await
    })
}
