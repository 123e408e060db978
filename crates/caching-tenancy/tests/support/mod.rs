//! Tenants and caches for tests.
#![allow(dead_code, unreachable_pub, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

#[cfg(feature = "tower")]
pub mod requests;

use std::future::Future;

use caching_core::{BoxError, CacheConfig, HybridCache, Scope, TokioClock};
use caching_tenancy::{Tenant, TenantId, TenantScope};

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

pub fn scope_of(name: &str) -> Scope {
    TenantScope::of(&tenant(name)).unwrap()
}

/// A cache whose scope is the tenant, in the time of the test's runtime.
pub fn cache() -> HybridCache {
    cache_with(CacheConfig::default())
}

pub fn cache_with(config: CacheConfig) -> HybridCache {
    HybridCache::builder()
        .config(config)
        .clock(TokioClock::new())
        .key_scope(TenantScope::new())
        .build()
        .unwrap()
}

/// Runs `work` for the tenant with this name.
pub async fn as_tenant<F: Future>(name: &str, work: F) -> F::Output {
    Tenant::scope(tenant(name), work).await
}

/// A factory's answer that names the tenant that the factory worked for.
pub fn tenant_seen() -> Result<String, BoxError> {
    Ok(Tenant::current().map_or_else(|_| "nobody".to_owned(), String::from))
}
