//! Many requests of many tenants on many threads.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use caching_core::{BoxError, HybridCache};
use caching_tenancy::{Tenant, TenantId};
use tokio::task::JoinSet;

use support::{cache, tenant};

const REQUESTS: usize = 10_000;
const TENANTS: usize = 50;
const KEYS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn over_ten_thousand_interleaved_requests_of_fifty_tenants_no_value_crosses() {
    let cache = cache();
    let crossed = Arc::new(AtomicUsize::new(0));
    let mut requests = JoinSet::new();
    for number in 0..REQUESTS {
        let mine = tenant(&format!("tenant-{}", number % TENANTS));
        let work = request(cache.clone(), mine.clone(), number, Arc::clone(&crossed));
        requests.spawn(Tenant::scope(mine, work));
    }
    requests.join_all().await;
    assert_eq!(crossed.load(Ordering::Relaxed), 0);
    let stats = cache.stats();
    assert!(stats.factory_successes >= TENANTS as u64, "{stats:?}");
    assert!(stats.hits > 0, "{stats:?}");
}

/// One of: read through, read, write, remove, purge, clear; and after each the tenant is what it was.
async fn request(cache: HybridCache, mine: TenantId, number: usize, crossed: Arc<AtomicUsize>) {
    let key = format!("key-{}", number / TENANTS % KEYS);
    let expected = format!("{mine}/{key}");
    match number % 17 {
        0 => cache
            .set(&key, expected.clone())
            .await
            .unwrap()
            .accept_queued(),
        1 => cache.remove(&key).await.unwrap().accept_queued(),
        2 => cache.remove_by_tag("all").await.unwrap().accept_queued(),
        3 if number.is_multiple_of(5) => cache.clear().await.unwrap().accept_queued(),
        4 => {
            let seen = cache.get::<_, String>(&key).await.unwrap();
            count(seen.is_none_or(|seen| *seen == expected), &crossed);
        }
        _ => {
            let name = key.clone();
            let load = move |_| async move {
                tokio::task::yield_now().await;
                Ok::<_, BoxError>(format!("{}/{name}", Tenant::current()?))
            };
            let seen = cache.get_or_set(&key, load).tags(|| ["all"]).await.unwrap();
            count(*seen == expected, &crossed);
        }
    }
    count(Tenant::current() == Ok(mine), &crossed);
}

fn count(is_right: bool, crossed: &AtomicUsize) {
    if !is_right {
        // Relaxed: the tasks are joined before it is read.
        crossed.fetch_add(1, Ordering::Relaxed);
    }
}
