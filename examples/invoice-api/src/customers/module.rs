//! Customers as a module.

use app_host::{BoxError, ConfigureContext, Dependencies, Module};

use super::{CustomerQueries, CustomerReader, routes};
use crate::invoices::InvoicesModule;

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
        cx.provide_with(|services| {
            let queries = CustomerQueries::new(services.get()?);
            Ok(CustomerReader::new(
                services.get()?,
                queries,
                services.get()?,
            ))
        });
        cx.routes(|services| Ok(routes::routes(services.get()?)));
        Ok(())
    }
}
