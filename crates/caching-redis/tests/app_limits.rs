//! Applications over a real server that does not answer: nobody waits for longer than the limits say.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::future::Future;
use std::time::{Duration, Instant};

use app_support::*;
use caching_core::EntryOptions;
use caching_testkit::RedisServer;

const SOFT: Duration = Duration::from_millis(100);
const HARD: Duration = Duration::from_millis(1_200);
const WRITE: Duration = Duration::from_millis(600);

/// The lease lasts through it all, polls do not tell that nobody answers, and the breaker stays closed: each
/// call finds out by itself.
const SETTINGS: &str = r#"
    cache.l2.read_soft_limit = "100ms"
    cache.l2.read_hard_limit = "1200ms"
    cache.l2.write_limit = "600ms"
    cache.l2.breaker_failures = 1000
    cache.coherence.bound = "60s"
"#;

/// Does something that waits for so long, and for little longer.
async fn within<T>(limit: Duration, what: &str, work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = tokio::time::timeout(Duration::from_secs(20), work).await;
    let took = begun.elapsed();
    let is_kept = took + Duration::from_millis(5) >= limit && took < limit + SLACK;
    assert!(is_kept, "{what}: {took:?} for {limit:?}");
    done.unwrap()
}

/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_frozen_redis_holds_nobody_up_for_longer_than_its_limits() {
    let server = RedisServer::start().await.unwrap();
    let (pod, source) = (Pod::with(&server, SETTINGS).await, Source::of(1));
    let short = EntryOptions::new().duration(Duration::from_millis(50));
    read_with(&pod, "stale", &source, short).await;
    pod.read("kept", &source).await;
    stored(&server, &plain("kept")).await;
    until("it is stale", async || !pod.keeps("stale")).await;
    source.write(2);
    server.pause().unwrap();

    let get = async { pod.get::<_, u64>("cold").await.unwrap() };
    assert_eq!(within(HARD, "a read", get).await, None);
    let (value, _) = within(HARD + WRITE, "a cold load", pod.read("cold", &source)).await;
    assert_eq!(value, 2);
    let reload = pod.read("stale", &source);
    let (value, _) = within(SOFT + WRITE, "a load beside something stale", reload).await;
    assert_eq!(value, 2);
    let remove = async { pod.remove("cold").await.unwrap().is_applied() };
    assert!(!within(WRITE, "an invalidation", remove).await, "queued");
    let set = async { pod.set("cold", 3_u64).await.unwrap().is_applied() };
    assert!(!within(WRITE, "a write", set).await, "queued");
    let hit = within(Duration::ZERO, "a hit", pod.read("kept", &source)).await;
    assert_eq!(hit, (1, L1_HIT));

    server.resume().unwrap();
    until("what was queued is told", async || {
        pod.shared_status().unwrap().queued == 0
    })
    .await;
    assert!(pod.remove("kept").await.unwrap().is_applied());
}
