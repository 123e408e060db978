//! Flags through the cache.

use caching_core::{CacheError, HybridCache, Outcome};

use super::{
    Feature, FeatureQueries, FlagScope,
    keys::{GlobalFeatureKey, OwnFeatureKey},
};
use crate::tenants::TenantId;

/// Reads flags: from the cache, and on a miss from the database.
#[derive(Clone, Debug)]
pub struct FeatureReader {
    cache: HybridCache,
    queries: FeatureQueries,
}

impl FeatureReader {
    /// Reads through this cache.
    pub fn new(cache: HybridCache, queries: FeatureQueries) -> Self {
        Self { cache, queries }
    }

    /// The flag as the tenant sees it: its own value, or else that of everybody, or none.
    ///
    /// Two entries are put together here rather than kept as one: a change for everybody would otherwise
    /// have to find an entry in each tenant.
    pub async fn get(
        &self,
        tenant: &TenantId,
        name: &str,
    ) -> Result<(Option<Feature>, Vec<Outcome>), CacheError> {
        let (queries, owner, flag) = (self.queries.clone(), tenant.clone(), name.to_owned());
        let own = self
            .cache
            .get_or_set_optional(&OwnFeatureKey { name: flag.clone() }, move |_| async move {
                queries.of_tenant(&owner, &flag).await
            })
            .detailed()
            .await?;
        if let Some(enabled) = own.value {
            let feature = feature(name, *enabled, FlagScope::Tenant);
            return Ok((Some(feature), vec![own.outcome]));
        }
        let (queries, flag) = (self.queries.clone(), name.to_owned());
        let global = self
            .cache
            .get_or_set_optional(
                &GlobalFeatureKey { name: flag.clone() },
                move |_| async move { queries.of_everybody(&flag).await },
            )
            .detailed()
            .await?;
        let feature = global
            .value
            .map(|enabled| feature(name, *enabled, FlagScope::Global));
        Ok((feature, vec![own.outcome, global.outcome]))
    }
}

fn feature(name: &str, enabled: bool, scope: FlagScope) -> Feature {
    Feature {
        name: name.to_owned(),
        enabled,
        scope,
    }
}
