//! Many requests of many tenants on many threads, over two pods and one server.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app_support::*;
use caching_core::HybridCache;
use caching_tenancy::{Tenant, TenantId};
use caching_testkit::RedisServer;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const REQUESTS: usize = 10_000;
const TENANTS: usize = 50;
const KEYS: usize = 20;
/// So many at a time: this is about what crosses, not about what a test's server can bear.
const TOGETHER: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn over_ten_thousand_interleaved_requests_of_fifty_tenants_no_value_crosses_in_redis_either()
{
    let server = RedisServer::start().await.unwrap();
    let pods = [Pod::start(&server).await, Pod::start(&server).await];
    let (crossed, room) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Semaphore::new(TOGETHER)),
    );
    let mut requests = JoinSet::new();
    for number in 0..REQUESTS {
        let mine = TenantId::parse(&format!("tenant-{}", number % TENANTS)).unwrap();
        // Each tenant on both pods.
        let cache = (*pods[number / TENANTS % 2]).clone();
        let (crossed, room) = (Arc::clone(&crossed), Arc::clone(&room));
        requests.spawn(async move {
            let _room = room.acquire().await.unwrap();
            let work = request(cache, mine.clone(), number, crossed);
            Tenant::scope(mine, work).await;
        });
    }
    requests.join_all().await;
    assert_eq!(crossed.load(Ordering::Relaxed), 0);

    // What is left in Redis is of the tenant in its name.
    let records = records(&server).await;
    assert!(records.len() >= TENANTS, "{} records", records.len());
    for (name, bytes) in &records {
        let (tenant, key) = name
            .strip_prefix("{shop}:t:")
            .and_then(|name| name.split_once(":plain:"))
            .unwrap();
        let own = format!("<{key} of {tenant}>");
        assert!(
            holds(bytes, &own),
            "{name}: {}",
            String::from_utf8_lossy(bytes)
        );
    }
    for pod in &pods {
        let stats = pod.stats();
        assert!(stats.l2_hits > 0 && stats.hits > 0, "{stats:?}");
        assert_eq!(stats.l2_unreadable, 0, "{stats:?}");
    }
}

/// One of: read through, read, write, remove, purge, clear; and after each the tenant is what it was.
async fn request(cache: HybridCache, mine: TenantId, number: usize, crossed: Arc<AtomicUsize>) {
    let key = format!("key-{}", number / TENANTS % KEYS);
    let expected = format!("<{key} of {mine}>");
    match number / TENANTS % 17 {
        0 => cache
            .set(&key, expected.clone())
            .await
            .unwrap()
            .accept_queued(),
        1 => cache.remove(&key).await.unwrap().accept_queued(),
        2 => cache.remove_by_tag("red").await.unwrap().accept_queued(),
        3 if number.is_multiple_of(5) => cache.clear().await.unwrap().accept_queued(),
        4 => {
            let seen = cache.get::<_, String>(&key).await.unwrap();
            count(seen.is_none_or(|seen| *seen == expected), &crossed);
        }
        _ => count(read(&cache, &key).await.0 == expected, &crossed),
    }
    count(Tenant::current() == Ok(mine), &crossed);
}

fn count(is_right: bool, crossed: &AtomicUsize) {
    if !is_right {
        // Relaxed: the tasks are joined before it is read.
        crossed.fetch_add(1, Ordering::Relaxed);
    }
}
