//! Which tenants there are.

use std::collections::HashSet;

use async_trait::async_trait;

use crate::{BoxError, TenantId};

/// Says which tenants there are, so that nobody can make one up.
///
/// It is asked once for each request, before the tenant is entered, so it is best answered from a cache.
/// Keep all tenants under one shared key: with a key a tenant, each tenant that a stranger makes up would
/// cost a query and take the place of an entry that somebody needs.
///
/// ```
/// use std::collections::HashSet;
///
/// use caching_core::{CacheKey, HybridCache};
/// use caching_tenancy::{BoxError, TenantDirectory, TenantId, async_trait};
///
/// #[derive(CacheKey)]
/// #[cache_key(kind = "tenants", value = HashSet<TenantId>, template = "all", scope = shared)]
/// struct TenantsKey {}
///
/// struct Directory {
///     cache: HybridCache,
/// }
///
/// #[async_trait]
/// impl TenantDirectory for Directory {
///     async fn is_known(&self, tenant: &TenantId) -> Result<bool, BoxError> {
///         let tenants = self.cache.get_or_set(&TenantsKey {}, |_| all_tenants()).await?;
///         Ok(tenants.contains(tenant))
///     }
/// }
/// # async fn all_tenants() -> Result<HashSet<TenantId>, BoxError> { Ok(HashSet::new()) }
/// ```
#[async_trait]
pub trait TenantDirectory: Send + Sync + 'static {
    /// Whether there is such a tenant.
    ///
    /// # Errors
    ///
    /// Whatever keeps the directory from knowing. The request is then refused with 503: a tenant is
    /// never taken for known because nobody could be asked.
    async fn is_known(&self, tenant: &TenantId) -> Result<bool, BoxError>;
}

/// A fixed list of tenants.
///
/// ```
/// use caching_tenancy::{KnownTenants, TenantId};
///
/// let tenants: KnownTenants = ["acme", "globex"]
///     .into_iter()
///     .map(TenantId::parse)
///     .collect::<Result<_, _>>()?;
/// # Ok::<(), caching_tenancy::TenantIdError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KnownTenants(HashSet<TenantId>);

impl FromIterator<TenantId> for KnownTenants {
    fn from_iter<I: IntoIterator<Item = TenantId>>(tenants: I) -> Self {
        Self(tenants.into_iter().collect())
    }
}

#[async_trait]
impl TenantDirectory for KnownTenants {
    async fn is_known(&self, tenant: &TenantId) -> Result<bool, BoxError> {
        Ok(self.0.contains(tenant))
    }
}

#[async_trait]
impl<D: TenantDirectory + ?Sized> TenantDirectory for std::sync::Arc<D> {
    async fn is_known(&self, tenant: &TenantId) -> Result<bool, BoxError> {
        (**self).is_known(tenant).await
    }
}
