//! Applications under load over a real server that stands still, or on a runtime that does: the source is asked at
//! most once a key, bound and pod, and hits come back with the next polls.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use app_support::*;
use caching_core::HybridCache;
use caching_testkit::RedisServer;
use tokio::task::JoinSet;

const KEYS: usize = 5;
const CALLERS: usize = 8;

/// Two heartbeats, and what a busy machine may add.
const SOON: Duration = Duration::from_millis(400 + 500);

/// When each key was asked for at the source, by one pod.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<(usize, Instant)>>>);

impl Asked {
    fn note(&self, key: usize) {
        self.0.lock().unwrap().push((key, Instant::now()));
    }

    /// The shortest time between two loads of a key.
    fn closest(&self) -> Duration {
        let asked = self.0.lock().unwrap();
        let pairs = asked.iter().enumerate().flat_map(|(place, (key, at))| {
            let before = asked[..place].iter().rev().find(|(other, _)| other == key);
            before.map(|(_, before)| *at - *before)
        });
        pairs.min().unwrap_or(Duration::MAX)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

async fn read(cache: &HybridCache, key: usize, asked: &Asked) -> bool {
    let asked = asked.clone();
    let load = move |_| async move {
        asked.note(key);
        Ok::<_, std::io::Error>(key as u64)
    };
    let read = cache.get_or_set(&format!("k{key}"), load).detailed().await;
    read.unwrap().outcome == L1_HIT
}

/// Callers who read all keys for ever, until the set is dropped.
fn load_on(pod: &Pod, asked: &Asked) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (cache, asked) = (HybridCache::clone(pod), asked.clone());
        callers.spawn(async move {
            loop {
                for key in 0..KEYS {
                    read(&cache, key, &asked).await;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        });
    }
    callers
}

/// Waits until every key is a hit, and says how long that took.
async fn all_hit(pod: &Pod, asked: &Asked) -> Duration {
    let begun = Instant::now();
    until("all keys are hits", async || {
        let mut hits = true;
        for key in 0..KEYS {
            hits &= read(pod, key, asked).await;
        }
        hits
    })
    .await;
    begun.elapsed()
}

fn assert_spared(asked: &Asked) {
    let closest = asked.closest();
    // Less than the bound only by what passes between the note of a load and its own.
    assert!(
        closest.saturating_add(Duration::from_millis(50)) > BOUND,
        "{closest:?} apart"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_stands_still_for_three_seconds_costs_a_load_a_key_bound_and_pod() {
    let server = RedisServer::start().await.unwrap();
    let pods = [Pod::start(&server).await, Pod::start(&server).await];
    let asked = [Asked::default(), Asked::default()];
    let both = || pods.iter().zip(&asked);
    for (pod, asked) in both() {
        all_hit(pod, asked).await;
    }
    let callers: Vec<_> = both().map(|(pod, asked)| load_on(pod, asked)).collect();
    server.pause().unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.resume().unwrap();
    for (pod, asked) in both() {
        let took = all_hit(pod, asked).await;
        assert!(took < SOON, "hits again after {took:?}");
    }
    drop(callers);
    for asked in &asked {
        assert_spared(asked);
        // The lease lapsed, so that there was something to spare.
        assert!((KEYS..=4 * KEYS).contains(&asked.len()), "{}", asked.len());
    }
}

#[tokio::test]
async fn a_runtime_that_stands_still_for_two_seconds_costs_a_load_a_key_and_bound_at_most() {
    let server = RedisServer::start().await.unwrap();
    let (pod, asked) = (Pod::start(&server).await, Asked::default());
    all_hit(&pod, &asked).await;
    let callers = load_on(&pod, &asked);
    tokio::time::sleep(Duration::from_millis(100)).await;
    // On the one thread that there is: neither polls nor callers come by.
    std::thread::sleep(Duration::from_secs(2));
    let took = all_hit(&pod, &asked).await;
    assert!(took < SOON, "hits again after {took:?}");
    drop(callers);
    assert_spared(&asked);
    assert!(asked.len() <= 2 * KEYS, "{}", asked.len());
}
