//! What a hit costs, beside the parts it is made of.
//!
//! Each group is one scene; `cache` is this crate with scope, tags, expiry, lease and counters on.

mod support;

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use caching_core::HybridCache;
use divan::Bencher;
use divan::counter::ItemsCount;
use support::{BATCH, Invoice, InvoiceKey, KEYS, filled, ids, runtime};

#[global_allocator]
static ALLOC: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

static CACHE: LazyLock<HybridCache> = LazyLock::new(|| runtime().block_on(filled()));

static MOKA_FUTURE: LazyLock<moka::future::Cache<String, Arc<Invoice>>> = LazyLock::new(|| {
    let cache = moka::future::Cache::new(100_000);
    runtime().block_on(async {
        for id in 0..KEYS {
            cache
                .insert(id.to_string(), Arc::new(Invoice::new(id)))
                .await;
        }
        cache.run_pending_tasks().await;
    });
    cache
});

static MOKA_SYNC: LazyLock<moka::sync::Cache<String, Arc<Invoice>>> = LazyLock::new(|| {
    let cache = moka::sync::Cache::new(100_000);
    for id in 0..KEYS {
        cache.insert(id.to_string(), Arc::new(Invoice::new(id)));
    }
    cache.run_pending_tasks();
    cache
});

thread_local! {
    static RUNTIME: tokio::runtime::Runtime = runtime();
}

fn get_or_set(bencher: Bencher<'_, '_>, hot: bool) {
    let keys: Vec<_> = ids(hot).into_iter().map(|id| InvoiceKey { id }).collect();
    let cache = &*CACHE;
    bencher.counter(ItemsCount::new(BATCH)).bench(|| {
        RUNTIME.with(|runtime| {
            runtime.block_on(async {
                for key in &keys {
                    let value = cache
                        .get_or_set(key, |_| async { Ok::<_, std::io::Error>(Invoice::new(0)) })
                        .await;
                    black_box(value.is_ok());
                }
            })
        })
    });
}

fn moka_future(bencher: Bencher<'_, '_>, hot: bool) {
    let keys: Vec<_> = ids(hot).into_iter().map(|id| id.to_string()).collect();
    let cache = &*MOKA_FUTURE;
    bencher.counter(ItemsCount::new(BATCH)).bench(|| {
        RUNTIME.with(|runtime| {
            runtime.block_on(async {
                for key in &keys {
                    black_box(cache.get(key.as_str()).await.is_some());
                }
            })
        })
    });
}

fn moka_sync(bencher: Bencher<'_, '_>, hot: bool) {
    let keys: Vec<_> = ids(hot).into_iter().map(|id| id.to_string()).collect();
    let cache = &*MOKA_SYNC;
    bencher.counter(ItemsCount::new(BATCH)).bench(|| {
        for key in &keys {
            black_box(cache.get(key.as_str()).is_some());
        }
    });
}

macro_rules! scene {
    ($name:ident, $hot:literal, $threads:literal) => {
        #[divan::bench_group(threads = [$threads], sample_size = 4)]
        mod $name {
            use super::*;

            #[divan::bench]
            fn cache(bencher: Bencher<'_, '_>) {
                get_or_set(bencher, $hot);
            }

            #[divan::bench(name = "moka_future")]
            fn raw_future(bencher: Bencher<'_, '_>) {
                moka_future(bencher, $hot);
            }

            #[divan::bench(name = "moka_sync")]
            fn raw_sync(bencher: Bencher<'_, '_>) {
                moka_sync(bencher, $hot);
            }
        }
    };
}

scene!(hit_zipf_1_thread, false, 1);
scene!(hit_hot_1_thread, true, 1);
scene!(hit_zipf_2_threads, false, 2);
scene!(hit_hot_2_threads, true, 2);
