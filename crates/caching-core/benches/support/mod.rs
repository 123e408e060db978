//! Keys, values and scopes that the benchmarks share.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::cell::Cell;
use std::sync::Arc;

use caching_core::{BoxFuture, CacheKey, HybridCache, KeyScope, NoScope, ScopeId};

/// How many keys are cached, and how many reads make a batch.
pub const KEYS: u32 = 10_000;
pub const BATCH: usize = 1_024;

/// A value as an invoice service may cache it.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub struct Invoice {
    pub id: u32,
    pub text: [u8; 32],
    pub more: [u8; 28],
}

impl Invoice {
    pub fn new(id: u32) -> Self {
        Self {
            id,
            text: [7; 32],
            more: [7; 28],
        }
    }
}

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = Invoice, template = "{id}")]
pub struct InvoiceKey {
    pub id: u32,
}

thread_local! {
    static TENANT: Cell<u32> = const { Cell::new(1) };
}

/// A scope that is read from the thread at each call, as a tenant's is.
pub struct TenantScope;

impl KeyScope for TenantScope {
    fn current(&self) -> Result<ScopeId, NoScope> {
        Ok(ScopeId::new(TENANT.get()))
    }

    fn text(&self, _: ScopeId) -> Arc<str> {
        "t:acme".into()
    }

    fn parse(&self, _: &str) -> Result<ScopeId, NoScope> {
        Ok(ScopeId::new(1))
    }

    fn enter<'a>(&self, _: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        work
    }
}

/// A cache in which every key has a scope, tags, and a life.
pub async fn filled() -> HybridCache {
    let cache = HybridCache::builder()
        .key_scope(TenantScope)
        .build()
        .unwrap();
    for id in 0..KEYS {
        cache
            .set(&InvoiceKey { id }, Invoice::new(id))
            .tags([format!("customer:{}", id % 100), "invoices".to_owned()])
            .await
            .unwrap()
            .accept_queued();
    }
    cache
}

/// Ids with a skew of 1 (Zipf), or one id over and over.
pub fn ids(hot: bool) -> Vec<u32> {
    if hot {
        return vec![7; BATCH];
    }
    let weights: Vec<f64> = (1..=KEYS).map(|rank| 1.0 / f64::from(rank)).collect();
    let total: f64 = weights.iter().sum();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..BATCH)
        .map(|_| {
            // xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators".
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let share =
                (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64;
            let mut left = share * total;
            let mut rank = 0;
            while rank + 1 < weights.len() && left > weights[rank] {
                left -= weights[rank];
                rank += 1;
            }
            // Spread over the key space, so that hot keys are no neighbours.
            (rank as u32).wrapping_mul(2_654_435_761) % KEYS
        })
        .collect()
}

/// A runtime of one thread.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}
