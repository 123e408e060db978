//! The tenants as a module.

use std::sync::Arc;

use app_host::{BoxError, ConfigureContext, Dependencies, Module};
use caching_core::CachingModule;
use caching_tenancy::{CachingTenancyModule, TenantDirectory};

use super::Directory;
use crate::database::DatabaseModule;

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
        cx.provide_with(|services| {
            let directory = Directory::new(services.get()?, services.get()?);
            Ok(Arc::new(directory) as Arc<dyn TenantDirectory>)
        });
        Ok(())
    }
}
