//! What a miss costs, and ten thousand callers of one cold key.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot begin may panic"
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use caching_core::HybridCache;
use divan::Bencher;
use divan::counter::ItemsCount;
use support::{BATCH, Invoice, InvoiceKey, TenantScope};

#[global_allocator]
static ALLOC: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

fn cache() -> HybridCache {
    HybridCache::builder()
        .key_scope(TenantScope)
        .build()
        .unwrap()
}

fn moka() -> moka::future::Cache<String, Arc<Invoice>> {
    moka::future::Cache::new(100_000)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap()
}

/// A cold key whose factory answers at once.
mod miss {
    use super::*;

    #[divan::bench(name = "cache")]
    fn ours(bencher: Bencher<'_, '_>) {
        let runtime = support::runtime();
        bencher
            .counter(ItemsCount::new(BATCH))
            .with_inputs(cache)
            .bench_local_refs(|cache| {
                runtime.block_on(async {
                    for id in 0..BATCH as u32 {
                        let key = InvoiceKey { id };
                        let load = cache.get_or_set(&key, move |_| async move {
                            Ok::<_, std::io::Error>(Invoice::new(id))
                        });
                        assert!(load.await.is_ok());
                    }
                });
            });
    }

    #[divan::bench]
    fn moka_get_with(bencher: Bencher<'_, '_>) {
        let runtime = support::runtime();
        bencher
            .counter(ItemsCount::new(BATCH))
            .with_inputs(super::moka)
            .bench_local_refs(|cache| {
                runtime.block_on(async {
                    for id in 0..BATCH as u32 {
                        cache
                            .get_with(id.to_string(), async move { Arc::new(Invoice::new(id)) })
                            .await;
                    }
                });
            });
    }
}

const CALLERS: usize = 10_000;
const FACTORY: Duration = Duration::from_millis(20);

/// Ten thousand tasks ask for one cold key, whose factory takes 20 ms.
#[divan::bench_group(sample_count = 10, sample_size = 1)]
mod callers_10000_factory_20ms {
    use super::*;

    #[divan::bench(name = "cache")]
    fn ours(bencher: Bencher<'_, '_>) {
        let runtime = runtime();
        bencher.with_inputs(cache).bench_local_values(|cache| {
            runtime.block_on(async {
                let callers: Vec<_> = (0..CALLERS)
                    .map(|_| {
                        let cache = cache.clone();
                        tokio::spawn(async move {
                            let load = cache.get_or_set(&InvoiceKey { id: 1 }, |_| async {
                                tokio::time::sleep(FACTORY).await;
                                Ok::<_, std::io::Error>(Invoice::new(1))
                            });
                            assert!(load.await.is_ok());
                        })
                    })
                    .collect();
                for caller in callers {
                    caller.await.unwrap();
                }
                assert_eq!(cache.stats().factory_successes, 1);
            });
        });
    }

    #[divan::bench]
    fn moka_get_with(bencher: Bencher<'_, '_>) {
        let runtime = runtime();
        bencher
            .with_inputs(super::moka)
            .bench_local_values(|cache| {
                runtime.block_on(async {
                    let callers: Vec<_> = (0..CALLERS)
                        .map(|_| {
                            let cache = cache.clone();
                            tokio::spawn(async move {
                                cache
                                    .get_with_by_ref("1", async {
                                        tokio::time::sleep(FACTORY).await;
                                        Arc::new(Invoice::new(1))
                                    })
                                    .await
                            })
                        })
                        .collect();
                    for caller in callers {
                        caller.await.unwrap();
                    }
                });
            });
    }
}
