//! Each cache that can load a key once, as ten thousand tasks would call it.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use caching_core::{HybridCache, MemoryStore};
use multi_tier_cache::{CacheStrategy, CacheSystem, CacheSystemBuilder, MokaCache, TierConfig};
use tokio::sync::OnceCell;

use super::{Herd, load};
use crate::peers::{LIFE, Ours as Peer, scoped};
use crate::sample::{Invoice, InvoiceKey};

const CAPACITY: u32 = 1_000;
const KEY: &str = "invoice:1";

#[derive(Clone)]
pub(super) struct Ours(HybridCache);

impl Herd for Ours {
    async fn empty() -> Self {
        Self(Peer::alone(CAPACITY))
    }

    async fn ask(self) {
        scoped(async {
            let load = |_| async { Ok::<_, Infallible>(load().await) };
            let value = self.0.get_or_set(&InvoiceKey { id: 1 }, load).await;
            value.expect("a factory that cannot fail");
        })
        .await;
    }
}

#[derive(Clone)]
pub(super) struct OursShared(Ours);

impl Herd for OursShared {
    async fn empty() -> Self {
        Self(Ours(Peer::over(&MemoryStore::new(), CAPACITY).await))
    }

    fn ask(self) -> impl Future<Output = ()> + Send {
        self.0.ask()
    }
}

/// No cache: the least that waiting for one another costs.
#[derive(Clone)]
pub(super) struct Cell(Arc<OnceCell<Arc<Invoice>>>);

impl Herd for Cell {
    async fn empty() -> Self {
        Self(Arc::default())
    }

    async fn ask(self) {
        self.0.get_or_init(async || Arc::new(load().await)).await;
    }
}

#[derive(Clone)]
pub(super) struct Moka(moka::future::Cache<String, Arc<Invoice>>);

impl Herd for Moka {
    async fn empty() -> Self {
        Self(moka::future::Cache::new(CAPACITY.into()))
    }

    async fn ask(self) {
        let load = async { Arc::new(load().await) };
        self.0.get_with_by_ref(KEY, load).await;
    }
}

#[derive(Clone)]
pub(super) struct Quick(Arc<quick_cache::sync::Cache<String, Arc<Invoice>>>);

impl Herd for Quick {
    async fn empty() -> Self {
        Self(Arc::new(quick_cache::sync::Cache::new(CAPACITY as usize)))
    }

    async fn ask(self) {
        let load = async { Ok::<_, Infallible>(Arc::new(load().await)) };
        let value = self.0.get_or_insert_async(KEY, load).await;
        value.expect("a load that cannot fail");
    }
}

#[derive(Clone)]
pub(super) struct Foyer(foyer::Cache<String, Invoice>);

impl Herd for Foyer {
    async fn empty() -> Self {
        Self(foyer::CacheBuilder::new(CAPACITY as usize).build())
    }

    async fn ask(self) {
        let fetch = || async { Ok::<_, Infallible>(load().await) };
        let value = self.0.get_or_fetch(KEY, fetch).await;
        value.expect("a fetch that cannot fail");
    }
}

#[derive(Clone)]
pub(super) struct Amalgam(amalgam::Cache<Arc<Invoice>>);

impl Herd for Amalgam {
    async fn empty() -> Self {
        let builder = amalgam::Cache::builder().max_capacity(CAPACITY.into());
        let built = builder
            .default_options(amalgam::EntryOptions::new(LIFE))
            .try_build();
        Self(built.expect("a cache in memory can be built"))
    }

    async fn ask(self) {
        let load = |_| async { Ok::<_, Infallible>(Arc::new(load().await)) };
        let value = self.0.get_or_set(KEY, load).await;
        value.expect("a factory that cannot fail");
    }
}

#[derive(Clone)]
pub(super) struct MultiTier(Arc<CacheSystem>);

impl Herd for MultiTier {
    async fn empty() -> Self {
        let memory = MokaCache::new(Default::default()).expect("its first tier can be built");
        let tier = Arc::new(memory);
        let built = CacheSystemBuilder::new()
            .with_tier(tier, TierConfig::as_l1())
            .build();
        Self(Arc::new(
            built.await.expect("a cache of one tier can be built"),
        ))
    }

    async fn ask(self) {
        let load = || async {
            load().await;
            Ok(Bytes::from_static(b"{}"))
        };
        let manager = self.0.cache_manager();
        let value = manager
            .get_or_compute_with(KEY, CacheStrategy::Custom(LIFE), load)
            .await;
        value.expect("a computation that cannot fail");
    }
}
