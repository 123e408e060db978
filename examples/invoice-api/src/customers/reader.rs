//! A customer's invoices and summary through the cache.

use std::sync::Arc;

use caching_core::{CacheError, Cached, HybridCache};

use super::{
    CustomerId, CustomerQueries, Summary,
    keys::{CustomerInvoicesKey, CustomerSummaryKey},
};
use crate::{
    http::Page,
    invoices::{CachedList, InvoiceReader},
    tenants::TenantId,
};

/// Reads what belongs to a customer: from the cache, and on a miss from the database.
#[derive(Clone, Debug)]
pub struct CustomerReader {
    cache: HybridCache,
    queries: CustomerQueries,
    invoices: InvoiceReader,
}

impl CustomerReader {
    /// Reads through this cache.
    pub fn new(cache: HybridCache, queries: CustomerQueries, invoices: InvoiceReader) -> Self {
        Self {
            cache,
            queries,
            invoices,
        }
    }

    /// One page of a customer's invoices, the latest first. The page is kept as ids, so that an invoice is
    /// kept once however many lists it stands in.
    pub async fn invoices(
        &self,
        tenant: &TenantId,
        customer: CustomerId,
        page: Page,
    ) -> Result<CachedList, CacheError> {
        let (queries, owner) = (self.queries.clone(), tenant.clone());
        let key = CustomerInvoicesKey {
            customer: customer.clone(),
            page: page.page,
            per_page: page.per_page,
        };
        let ids = self
            .cache
            .get_or_set(&key, move |_| async move {
                queries.invoice_ids(&owner, &customer, page).await
            })
            .detailed()
            .await?;
        let (invoices, mut outcomes) = self.invoices.by_ids(tenant, &ids.value).await?;
        outcomes.push(ids.outcome);
        Ok((invoices, outcomes))
    }

    /// What the customer was billed and still owes.
    pub async fn summary(
        &self,
        tenant: &TenantId,
        customer: CustomerId,
    ) -> Result<Cached<Arc<Summary>>, CacheError> {
        let (queries, tenant) = (self.queries.clone(), tenant.clone());
        let key = CustomerSummaryKey {
            customer: customer.clone(),
        };
        self.cache
            .get_or_set(&key, move |_| async move {
                queries.summary(&tenant, &customer).await
            })
            .detailed()
            .await
    }
}
