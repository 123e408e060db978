//! Feature flags as a module.

use app_host::{
    BoxError, ConfigureContext, Dependencies, Module, ServiceBuilder, Services, async_trait,
};
use caching_core::{CachingModule, HybridCache};
use caching_events::{CachingEventsModule, EventBus, ExpectHandler};

use super::{FeatureCommands, FeatureQueries, FeatureReader, events::FeatureValueChanged, routes};
use crate::{
    database::{Database, DatabaseModule},
    tenants::TenantsModule,
};

/// Provides [`FeatureCommands`] and [`FeatureReader`], and serves `/features`.
#[derive(Clone, Copy, Debug, Default)]
pub struct FeaturesModule;

impl Module for FeaturesModule {
    fn name(&self) -> &'static str {
        "features"
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
        cx.expect_invalidation::<FeatureValueChanged>();
        cx.routes(|services| Ok(routes::routes(services.get()?, services.get()?)));
        Ok(())
    }
}

struct CommandsBuilder;

#[async_trait]
impl ServiceBuilder for CommandsBuilder {
    type Service = FeatureCommands;

    async fn build(self, services: &Services) -> Result<FeatureCommands, BoxError> {
        let database = services.get::<Database>()?;
        let bus = services.get::<EventBus>()?;
        Ok(FeatureCommands::new(database, bus))
    }
}

struct ReaderBuilder;

#[async_trait]
impl ServiceBuilder for ReaderBuilder {
    type Service = FeatureReader;

    async fn build(self, services: &Services) -> Result<FeatureReader, BoxError> {
        let cache = services.get::<HybridCache>()?;
        let queries = FeatureQueries::new(services.get::<Database>()?);
        Ok(FeatureReader::new(cache, queries))
    }
}
