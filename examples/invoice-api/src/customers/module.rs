//! Customers as a module.

use app_host::{
    BoxError, ConfigureContext, Dependencies, Module, ServiceBuilder, Services, async_trait,
};
use caching_core::HybridCache;

use super::{CustomerQueries, CustomerReader, routes};
use crate::{
    database::Database,
    invoices::{InvoiceReader, InvoicesModule},
};

/// Provides [`CustomerReader`], and serves `/customers`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CustomersModule;

impl Module for CustomersModule {
    fn name(&self) -> &'static str {
        "customers"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<InvoicesModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.provide(ReaderBuilder);
        cx.routes(|services| Ok(routes::routes(services.get()?)));
        Ok(())
    }
}

struct ReaderBuilder;

#[async_trait]
impl ServiceBuilder for ReaderBuilder {
    type Service = CustomerReader;

    async fn build(self, services: &Services) -> Result<CustomerReader, BoxError> {
        let cache = services.get::<HybridCache>()?;
        let queries = CustomerQueries::new(services.get::<Database>()?);
        Ok(CustomerReader::new(
            cache,
            queries,
            services.get::<InvoiceReader>()?,
        ))
    }
}
