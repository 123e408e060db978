//! One load a key over all applications on a real server, where that can be asked; without it, one each.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::time::{Duration, Instant};

use app_support::*;
use caching_core::{EagerRefresh, EntryOptions};
use caching_testkit::{Gate, RedisServer};

const OLD: u64 = 7_000_000;

async fn three(server: &RedisServer) -> [Pod; 3] {
    [
        Pod::start(server).await,
        Pod::start(server).await,
        Pod::start(server).await,
    ]
}

#[tokio::test]
async fn an_early_refresh_runs_once_over_all_pods() {
    let server = RedisServer::start().await.unwrap();
    let (pods, source, gate) = (three(&server).await, Source::of(OLD), Gate::closed());
    // To be refreshed from its second second on.
    let options = EntryOptions::new()
        .duration(Duration::from_secs(40))
        .eager_refresh(EagerRefresh::At(0.025));
    for pod in &pods {
        read_with(pod, "a", &source, options.clone()).await;
    }
    assert_eq!(source.runs(), 1);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let newest = source.commit();
    for pod in &pods {
        for _ in 0..10 {
            let reading = read_behind(pod, "a", &source, &gate, options.clone());
            assert_eq!(reading.await.unwrap(), (OLD, L1_HIT));
        }
        assert_eq!(pod.stats().eager_refreshes, 1, "each has tried");
    }
    gate.arrivals(1).await;
    // Until the others have been told that it is not their turn.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(gate.arrived(), 1);
    gate.open();
    until("it is shared", async || {
        value_in(&server, "a").await == Some(newest)
    })
    .await;
    assert_eq!(source.runs(), 2, "one load at first, one refresh");
}

#[tokio::test]
async fn two_prefixes_do_not_block_each_others_cold_keys() {
    let server = RedisServer::start().await.unwrap();
    let patient = "cache.defaults.factory_soft_limit = \"20s\"\n\
                   cache.defaults.factory_hard_limit = \"60s\"\n";
    let one = Pod::with(&server, patient).await;
    let peer = Pod::with(&server, patient).await;
    let other = format!("{patient}cache.key_prefix = \"other\"");
    let other = Pod::with(&server, &other).await;
    let (source, gate) = (Source::of(OLD), Gate::closed());
    let loading = read_behind(&one, "a", &source, &gate, EntryOptions::new());
    gate.arrivals(1).await;
    let waiting = read_behind(&peer, "a", &source, &gate, EntryOptions::new());
    let begun = Instant::now();
    assert_eq!(other.read("a", &source).await.0, OLD);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "it waited for {took:?}");
    assert!(exists(&server, "{other}:shared:plain:a").await);
    // Who has the same prefix does wait, and loads nothing.
    assert!(!loading.is_finished() && !waiting.is_finished());
    gate.open();
    for reading in [loading, waiting] {
        assert_eq!(reading.await.unwrap().0, OLD);
    }
    assert_eq!(source.runs(), 2, "one a prefix");
}

#[tokio::test]
async fn with_redis_away_each_pod_loads_once() {
    let mut server = RedisServer::start().await.unwrap();
    let (pods, source, gate) = (three(&server).await, Source::of(OLD), Gate::closed());
    server.kill();
    let readings: Vec<_> = (0..30)
        .map(|n| read_behind(&pods[n % 3], "a", &source, &gate, EntryOptions::new()))
        .collect();
    gate.arrivals(3).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    gate.open();
    for reading in readings {
        assert_eq!(reading.await.unwrap().0, OLD);
    }
    assert_eq!(source.runs(), 3, "one a pod");
}
