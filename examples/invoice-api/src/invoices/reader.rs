//! Invoices through the cache.

use std::sync::Arc;

use caching_core::{CacheError, Cached, HybridCache, Outcome};
use futures::future::try_join_all;

use super::{
    Invoice, InvoiceId, InvoiceQueries,
    keys::{InvoiceKey, InvoiceNumberKey},
};
use crate::tenants::TenantId;

/// Reads invoices: from the cache, and on a miss from the database.
#[derive(Clone, Debug)]
pub struct InvoiceReader {
    cache: HybridCache,
    queries: InvoiceQueries,
}

/// Several invoices, and how each read came to its value.
pub type CachedList = (Vec<Arc<Invoice>>, Vec<Outcome>);

impl InvoiceReader {
    /// Reads through this cache.
    pub fn new(cache: HybridCache, queries: InvoiceQueries) -> Self {
        Self { cache, queries }
    }

    /// One invoice; that there is none is kept for a while, too.
    pub async fn by_id(
        &self,
        tenant: &TenantId,
        id: InvoiceId,
    ) -> Result<Cached<Option<Arc<Invoice>>>, CacheError> {
        let (queries, tenant) = (self.queries.clone(), tenant.clone());
        self.cache
            .get_or_set_optional(&InvoiceKey { id }, move |_| async move {
                queries.by_id(&tenant, id).await
            })
            .detailed()
            .await
    }

    /// The invoice of this number, as a list of at most one.
    pub async fn by_number(
        &self,
        tenant: &TenantId,
        number: String,
    ) -> Result<CachedList, CacheError> {
        let (queries, owner) = (self.queries.clone(), tenant.clone());
        let key = InvoiceNumberKey {
            number: number.clone(),
        };
        let id = self
            .cache
            .get_or_set_optional(&key, move |_| async move {
                queries.id_by_number(&owner, &number).await
            })
            .detailed()
            .await?;
        let ids: Vec<InvoiceId> = id.value.iter().map(|id| **id).collect();
        let (invoices, mut outcomes) = self.by_ids(tenant, &ids).await?;
        outcomes.push(id.outcome);
        Ok((invoices, outcomes))
    }

    /// Several invoices in the order of their ids; those that are gone are left out.
    pub async fn by_ids(
        &self,
        tenant: &TenantId,
        ids: &[InvoiceId],
    ) -> Result<CachedList, CacheError> {
        // One read each, at the same time: a page has a hundred at most, and each has its own flight.
        let reads = ids.iter().map(|id| self.by_id(tenant, *id));
        let (invoices, outcomes): (Vec<_>, Vec<_>) = try_join_all(reads)
            .await?
            .into_iter()
            .map(|cached| (cached.value, cached.outcome))
            .unzip();
        Ok((invoices.into_iter().flatten().collect(), outcomes))
    }
}
