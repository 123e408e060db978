//! What every handle of this crate promises: it can be sent, shared and cloned.

use caching_tenancy::{NoTenant, Tenant, TenantId, TenantIdError, TenantScope};

const fn handle<T: Send + Sync + Clone + 'static>() {}
const fn error<T: std::error::Error + Send + Sync + 'static>() {}
fn sendable<T: Send>(_: T) {}

#[test]
fn handles_can_be_sent_shared_and_cloned() {
    handle::<TenantId>();
    handle::<TenantScope>();
    error::<TenantIdError>();
    error::<NoTenant>();
    sendable(Tenant::carry(async {}));
}

#[cfg(feature = "tower")]
#[test]
fn layers_and_their_services_can_be_sent_shared_and_cloned() {
    use caching_tenancy::{
        KnownTenants, TenantLayer, TenantLayerBuilder, TenantLayerErrors, TenantRejection,
        TenantService,
    };

    handle::<KnownTenants>();
    handle::<TenantLayer>();
    handle::<TenantLayerBuilder>();
    handle::<TenantService<axum::Router>>();
    error::<TenantLayerErrors>();
    error::<TenantRejection>();
}
