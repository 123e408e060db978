//! What is cached about flags, and under which names.

use caching_core::CacheKey;

/// A tenant's own value of a flag, or that it has none.
#[derive(Clone, Debug, CacheKey)]
#[cache_key(kind = "feature", value = bool, template = "{name}")]
pub struct OwnFeatureKey {
    /// The flag.
    pub name: String,
}

/// Everybody's value of a flag, or that there is none: one entry for all tenants, so that one invalidation
/// reaches them all.
#[derive(Clone, Debug, CacheKey)]
#[cache_key(kind = "feature_global", value = bool, template = "{name}", scope = shared)]
pub struct GlobalFeatureKey {
    /// The flag.
    pub name: String,
}
