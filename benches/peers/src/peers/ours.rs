//! This framework's cache: every key of a tenant, with tags, over a shared store whose lease is held.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use caching_core::{CacheConfig, HybridCache, HybridCacheBuilder, MemoryStore, Plaintext};
use caching_tenancy::{Tenant, TenantId, TenantScope};
use tokio::runtime::Runtime;

use crate::peers::{LIFE, Peer, Room, block_on};
use crate::sample::{Invoice, InvoiceKey, Reads, tags};

/// A cache, and what keeps its lease.
pub(crate) struct Ours {
    cache: HybridCache,
    /// The driver that polls the store lives here, as it does in an application.
    _driver: Option<Runtime>,
}

/// Over a store that processes share, here within the process.
pub(super) fn filled(room: Room) -> Box<dyn Peer> {
    let driver = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime can be had");
    let cache = driver.block_on(async {
        let cache = Ours::over(&MemoryStore::new(), room.capacity).await;
        scoped(fill(&cache, room.entries, true)).await;
        cache
    });
    Box::new(Ours {
        cache,
        _driver: Some(driver),
    })
}

/// Without a shared store: what an entry of the first level takes up is not mixed with its record.
pub(crate) fn filled_alone(room: Room) -> Box<dyn Peer> {
    without_store(room, true)
}

/// The same with no tag on any entry.
pub(crate) fn filled_untagged(room: Room) -> Box<dyn Peer> {
    without_store(room, false)
}

fn without_store(room: Room, is_tagged: bool) -> Box<dyn Peer> {
    let cache = Ours::alone(room.capacity);
    block_on(scoped(fill(&cache, room.entries, is_tagged)));
    Box::new(Ours {
        cache,
        _driver: None,
    })
}

impl Ours {
    /// An empty cache without a shared store.
    pub(crate) fn alone(capacity: u32) -> HybridCache {
        builder(capacity)
            .build()
            .expect("a cache that shares nothing can be built")
    }

    /// An empty cache over a store, with a lease; its driver is a task of the current runtime.
    pub(crate) async fn over(store: &MemoryStore, capacity: u32) -> HybridCache {
        let cache = builder(capacity)
            .l2(store.l2())
            .backplane(store.backplane())
            .plaintext(Plaintext::Allowed)
            .build()
            .expect("a cache over a store in memory can be built");
        assert!(cache.start(Duration::from_secs(5)).await, "no lease");
        cache
    }
}

fn builder(capacity: u32) -> HybridCacheBuilder {
    let mut config = CacheConfig::default();
    config.l1.max_entries = capacity.into();
    config.defaults.duration = Some(LIFE);
    HybridCache::builder()
        .config(config)
        .key_scope(TenantScope::new())
        .default_key_prefix("peers")
}

async fn fill(cache: &HybridCache, entries: u32, is_tagged: bool) {
    for id in 0..entries {
        let key = InvoiceKey { id };
        let set = cache.set(&key, Invoice::new(id));
        let stored = if is_tagged {
            set.tags(tags(id)).await
        } else {
            set.await
        };
        stored.expect("a value can be set").accept_queued();
    }
}

/// Runs work as a request of a tenant.
pub(crate) async fn scoped<F: Future>(work: F) -> F::Output {
    let tenant = TenantId::parse("acme").expect("a well-formed id");
    Tenant::scope(tenant, work).await
}

impl Peer for Ours {
    fn read(&self, reads: &Reads) -> usize {
        block_on(scoped(async {
            let mut found = 0;
            for id in reads.ids() {
                let value = self
                    .cache
                    .get_or_set(&InvoiceKey { id }, |_| async {
                        Err::<Invoice, _>(io::Error::other("not a hit"))
                    })
                    .await;
                found += usize::from(black_box(value).is_ok());
            }
            found
        }))
    }
}
