//! Feature flags as a module.

use app_host::{BoxError, ConfigureContext, Dependencies, Module};
use caching_core::CachingModule;
use caching_events::{CachingEventsModule, ExpectHandler};

use super::{FeatureCommands, FeatureQueries, FeatureReader, events::FeatureValueChanged, routes};
use crate::{database::DatabaseModule, tenants::TenantsModule};

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
        cx.provide_with(|services| Ok(FeatureCommands::new(services.get()?, services.get()?)));
        cx.provide_with(|services| {
            let queries = FeatureQueries::new(services.get()?);
            Ok(FeatureReader::new(services.get()?, queries))
        });
        cx.expect_invalidation::<FeatureValueChanged>();
        cx.routes(|services| Ok(routes::routes(services.get()?, services.get()?)));
        Ok(())
    }
}
