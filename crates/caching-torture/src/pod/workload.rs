//! A pod's readers and writers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

use crate::history::What;
use crate::load::Load;
use crate::pod::cache::Cache;
use crate::pod::{Order, Setup, Status};

/// How often a pod reports what its cache has counted.
const COUNTS: Duration = Duration::from_millis(500);

/// What a pod does, and how it is told to.
#[derive(Clone)]
pub(super) struct Workload {
    cache: Cache,
    load: Load,
    seed: u64,
    is_ended: watch::Sender<bool>,
    /// The readers and writers. Held across awaits by the one order that waits for their end.
    running: Arc<Mutex<JoinSet<()>>>,
}

impl Workload {
    pub(super) fn new(setup: &Setup, cache: Cache) -> Self {
        Self {
            cache,
            load: setup.load,
            seed: setup.seed,
            is_ended: watch::Sender::new(false),
            running: Arc::default(),
        }
    }

    /// Does what it is told.
    pub(super) async fn obey(&self, order: Order) -> Result<Value, String> {
        let all = 0..self.load.keys;
        Ok(match order {
            Order::Start => json!(self.cache.start().await),
            Order::Begin => self.begin().await,
            Order::End => self.end().await,
            Order::Status => json!(self.status()),
            Order::Remove(keys) => {
                for key in keys {
                    self.cache.invalidate(What::Remove(key)).await;
                }
                self.cache.record().flush();
                Value::Null
            }
            Order::ReadAll => {
                let mut found = Vec::new();
                for key in all {
                    found.extend(self.cache.read(key).await);
                }
                json!(found)
            }
            Order::PeekAll => json!(
                all.map(|key| self.cache.peek(key))
                    .collect::<Vec<Option<u64>>>()
            ),
            Order::GetAll => {
                let mut found: Vec<Option<u64>> = Vec::new();
                for key in all {
                    found.push(self.cache.get(key).await);
                }
                json!(found)
            }
            Order::Starve(millis) => {
                let duration = Duration::from_millis(millis);
                json!(self.cache.starve(duration).await)
            }
        })
    }

    async fn begin(&self) -> Value {
        let mut running = self.running.lock().await;
        for number in 0..self.load.readers {
            let random = self.random(number);
            running.spawn(read(
                self.cache.clone(),
                self.load,
                random,
                self.is_ended.subscribe(),
            ));
        }
        for number in 0..self.load.writers {
            let random = self.random(1000 + number);
            running.spawn(write(
                self.cache.clone(),
                self.load,
                random,
                self.is_ended.subscribe(),
            ));
        }
        running.spawn(count(self.cache.clone(), self.is_ended.subscribe()));
        Value::Null
    }

    async fn end(&self) -> Value {
        self.is_ended.send_replace(true);
        let mut running = self.running.lock().await;
        while running.join_next().await.is_some() {}
        self.cache.record().flush();
        Value::Null
    }

    fn status(&self) -> Status {
        let (is_current, queued) = self.cache.status();
        Status {
            is_current,
            queued,
            counts: self.cache.counts(),
        }
    }

    fn random(&self, number: u64) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_mul(1_000_003).wrapping_add(number))
    }
}

/// Waits for about `1 / rate` seconds; false once the run is over.
async fn pause(
    rate: f64,
    random: &mut fastrand::Rng,
    is_ended: &mut watch::Receiver<bool>,
) -> bool {
    let mean = Duration::from_secs_f64(1.0 / rate.max(0.01));
    let wait = mean.mul_f64(2.0 * random.f64());
    tokio::select! {
        // It fails only without a sender: then the run is over, too.
        _ = is_ended.wait_for(|is_ended| *is_ended) => false,
        () = tokio::time::sleep(wait) => true,
    }
}

/// A key; a few are asked for, and written, much more often than the others, so that writers meet.
fn key(load: Load, random: &mut fastrand::Rng) -> u64 {
    const HOT: u64 = 4;
    if random.f64() < 0.3 {
        random.u64(0..HOT.min(load.keys))
    } else {
        random.u64(0..load.keys)
    }
}

async fn read(
    cache: Cache,
    load: Load,
    mut random: fastrand::Rng,
    mut is_ended: watch::Receiver<bool>,
) {
    // A few at a time: timers are no finer than a millisecond, and bursts meet the same flight.
    const BURST: u64 = 4;
    while pause(load.reads / BURST as f64, &mut random, &mut is_ended).await {
        for _ in 0..BURST {
            cache.read(key(load, &mut random)).await;
        }
    }
}

async fn write(
    cache: Cache,
    load: Load,
    mut random: fastrand::Rng,
    mut is_ended: watch::Receiver<bool>,
) {
    while pause(load.writes, &mut random, &mut is_ended).await {
        let key = key(load, &mut random);
        let tag = key % load.tags;
        // Between commit and invalidation others come in, as they do.
        let wait = Duration::from_millis(random.u64(0..20));
        let what = match random.u32(0..1000) {
            0..2 => What::Clear,
            2..62 => What::RemoveTag(tag),
            62..92 => What::ExpireTag(tag),
            92..242 => What::Expire(key),
            242..442 => What::Set(key, 0),
            _ => What::Remove(key),
        };
        match what {
            What::Set(..) => cache.commit_and_set(key, wait).await,
            _ => cache.commit_and_invalidate(key, what, wait).await,
        }
        // Who writes looks at what came of it: on its own pod, the bound is nothing.
        if random.bool() {
            cache.read(key).await;
        }
    }
}

async fn count(cache: Cache, mut is_ended: watch::Receiver<bool>) {
    let mut random = fastrand::Rng::with_seed(0);
    while pause(1.0 / COUNTS.as_secs_f64(), &mut random, &mut is_ended).await {
        cache.record().counts(cache.counts());
    }
    cache.record().counts(cache.counts());
}
