//! The layer around the routes of the host.

use std::sync::Arc;

use app_host::{BoxError, ConfigureContext, MissingService, ServiceBuilder, Services, async_trait};

use crate::{TenancyConfig, TenantDirectory, TenantLayerBuilder};

pub(super) fn wrap(cx: &mut ConfigureContext<'_>, config: &TenancyConfig) {
    cx.provide(TenantLayerBuilder::from_config(config));
    cx.layer(|services, router| {
        let mut layer = services.get::<TenantLayerBuilder>()?;
        // Looked up here, after assembly, as the module that provides it may come after this one.
        match services.get::<Arc<dyn TenantDirectory>>() {
            Ok(directory) => layer = layer.directory(directory),
            // There would be one, had it not failed, and why is told already.
            Err(failed @ MissingService::Failed { .. }) => return Err(failed.into()),
            Err(_) => {}
        }
        Ok(router.layer(layer.build()?))
    });
}

/// What is provided is the builder with all contributions: it is finished once every service is there,
/// since the directory may be one of them.
#[async_trait]
impl ServiceBuilder for TenantLayerBuilder {
    type Service = Self;

    async fn build(self, _: &Services) -> Result<Self, BoxError> {
        Ok(self)
    }
}
