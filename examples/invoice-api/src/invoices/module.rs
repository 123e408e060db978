//! Invoices as a module.

use app_host::{BoxError, ConfigureContext, Dependencies, Module};
use caching_core::CachingModule;
use caching_events::{CachingEventsModule, ExpectHandler};

use super::{
    InvoiceCommands, InvoiceQueries, InvoiceReader,
    events::{InvoiceCancelled, InvoiceChanged, InvoiceCreated, InvoiceDeleted, InvoicePaid},
    routes,
};
use crate::{database::DatabaseModule, tenants::TenantsModule};

/// Provides [`InvoiceCommands`] and [`InvoiceReader`], and serves `/invoices`.
#[derive(Clone, Copy, Debug, Default)]
pub struct InvoicesModule;

impl Module for InvoicesModule {
    fn name(&self) -> &'static str {
        "invoices"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none()
            .requires::<DatabaseModule>()
            .requires::<TenantsModule>()
            .requires::<CachingModule>()
            .requires::<CachingEventsModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.provide_with(|services| Ok(InvoiceCommands::new(services.get()?, services.get()?)));
        cx.provide_with(|services| {
            let queries = InvoiceQueries::new(services.get()?);
            Ok(InvoiceReader::new(services.get()?, queries))
        });
        cx.expect_invalidation::<InvoiceCreated>();
        cx.expect_invalidation::<InvoiceChanged>();
        cx.expect_invalidation::<InvoicePaid>();
        cx.expect_invalidation::<InvoiceCancelled>();
        cx.expect_invalidation::<InvoiceDeleted>();
        cx.routes(|services| Ok(routes::routes(services.get()?, services.get()?)));
        Ok(())
    }
}
