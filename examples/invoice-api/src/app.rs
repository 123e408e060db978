//! The application: a list of modules.

use app_host::{App, AppBuilder};
use caching_core::CachingModule;
use caching_encryption::CachingEncryptionModule;
use caching_events::CachingEventsModule;
use caching_redis::CachingRedisModule;
use caching_tenancy::CachingTenancyModule;

use crate::{
    customers::CustomersModule, database::DatabaseModule, features::FeaturesModule,
    http::ProblemsModule, invoices::InvoicesModule, telemetry::TelemetryModule,
    tenants::TenantsModule,
};

/// The application, to be given its configuration.
///
/// Modules start in this order as far as their dependencies leave it open, and stop in reverse; layers of
/// modules further up are further out.
pub fn app() -> AppBuilder {
    App::builder()
        .name("invoice-api")
        .module::<TelemetryModule>()
        .module::<ProblemsModule>()
        .module::<DatabaseModule>()
        .module::<CachingModule>()
        .module::<CachingRedisModule>()
        .module::<CachingEncryptionModule>()
        .module::<CachingTenancyModule>()
        .module::<CachingEventsModule>()
        .module::<TenantsModule>()
        .module::<InvoicesModule>()
        .module::<CustomersModule>()
        .module::<FeaturesModule>()
}
