//! The tenants as a module.

use std::sync::Arc;

use app_host::{
    BoxError, ConfigureContext, Dependencies, Module, ServiceBuilder, Services, async_trait,
};
use caching_core::{CachingModule, HybridCache};
use caching_tenancy::{CachingTenancyModule, TenantDirectory};

use super::Directory;
use crate::database::{Database, DatabaseModule};

/// Tells the tenancy layer which tenants there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct TenantsModule;

impl Module for TenantsModule {
    fn name(&self) -> &'static str {
        "tenants"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none()
            .requires::<DatabaseModule>()
            .requires::<CachingModule>()
            .requires::<CachingTenancyModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.provide(DirectoryBuilder);
        Ok(())
    }
}

struct DirectoryBuilder;

#[async_trait]
impl ServiceBuilder for DirectoryBuilder {
    type Service = Arc<dyn TenantDirectory>;

    async fn build(self, services: &Services) -> Result<Self::Service, BoxError> {
        let cache = services.get::<HybridCache>()?;
        let database = services.get::<Database>()?;
        Ok(Arc::new(Directory::new(cache, database)))
    }
}
