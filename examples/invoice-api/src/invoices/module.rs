//! Invoices as a module.

use app_host::{
    BoxError, ConfigureContext, Dependencies, Module, ServiceBuilder, Services, async_trait,
};
use caching_core::{CachingModule, HybridCache};
use caching_events::{CachingEventsModule, EventBus, ExpectHandler};

use super::{
    InvoiceCommands, InvoiceQueries, InvoiceReader,
    events::{InvoiceCancelled, InvoiceChanged, InvoiceCreated, InvoiceDeleted, InvoicePaid},
    routes,
};
use crate::{
    database::{Database, DatabaseModule},
    tenants::TenantsModule,
};

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
        cx.provide(CommandsBuilder);
        cx.provide(ReaderBuilder);
        cx.expect_invalidation::<InvoiceCreated>();
        cx.expect_invalidation::<InvoiceChanged>();
        cx.expect_invalidation::<InvoicePaid>();
        cx.expect_invalidation::<InvoiceCancelled>();
        cx.expect_invalidation::<InvoiceDeleted>();
        cx.routes(|services| Ok(routes::routes(services.get()?, services.get()?)));
        Ok(())
    }
}

struct CommandsBuilder;

#[async_trait]
impl ServiceBuilder for CommandsBuilder {
    type Service = InvoiceCommands;

    async fn build(self, services: &Services) -> Result<InvoiceCommands, BoxError> {
        let database = services.get::<Database>()?;
        let bus = services.get::<EventBus>()?;
        Ok(InvoiceCommands::new(database, bus))
    }
}

struct ReaderBuilder;

#[async_trait]
impl ServiceBuilder for ReaderBuilder {
    type Service = InvoiceReader;

    async fn build(self, services: &Services) -> Result<InvoiceReader, BoxError> {
        let cache = services.get::<HybridCache>()?;
        let queries = InvoiceQueries::new(services.get::<Database>()?);
        Ok(InvoiceReader::new(cache, queries))
    }
}
