//! Which tenants there are, for the layer that lets requests in.

use std::collections::BTreeSet;

use caching_core::{CacheKey, HybridCache};
use caching_tenancy::{BoxError, TenantDirectory, TenantId, async_trait};

use super::store;
use crate::database::Database;

/// All tenants under one key, and that of everybody: requests for tenants that nobody has cost no query and
/// no entry each, as they would with a key a tenant.
#[derive(CacheKey)]
#[cache_key(kind = "tenants", value = BTreeSet<TenantId>, template = "all", scope = shared)]
struct TenantsKey {}

/// Which tenants there are, from the database, read anew when the profile `tenants` says so.
#[derive(Clone, Debug)]
pub struct Directory {
    cache: HybridCache,
    database: Database,
}

impl Directory {
    /// The tenants of this database.
    pub fn new(cache: HybridCache, database: Database) -> Self {
        Self { cache, database }
    }
}

#[async_trait]
impl TenantDirectory for Directory {
    async fn is_known(&self, tenant: &TenantId) -> Result<bool, BoxError> {
        let database = self.database.clone();
        let tenants = self
            .cache
            .get_or_set(&TenantsKey {}, move |_| async move {
                store::all(&database).await
            })
            .await?;
        Ok(tenants.contains(tenant))
    }
}
