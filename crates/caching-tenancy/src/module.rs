//! Tenancy as a module of an app host.

#[cfg(feature = "http")]
mod routes;

use app_host::{BoxError, Config, ConfigureContext, Dependencies, Enablement, Module};
use caching_core::{CachingModule, HybridCacheBuilder};

use crate::{TenancyConfig, TenantScope};

const SECTION: &str = "cache.tenancy";
const ENABLED: &str = "cache.tenancy.enabled";

/// Keeps the tenants of an application apart: its cache and, with the feature `http`, its routes.
///
/// - The [`HybridCache`](caching_core::HybridCache) takes the tenant into every key, tag and flight.
/// - Every route of the host (`cx.routes`) runs for the tenant of its request, or is refused. Open routes
///   and health checks have no tenant.
/// - Which tenants there are is said by an `Arc<dyn TenantDirectory>` that some module provides, by
///   `cache.tenancy.tenants`, or by nobody after `cache.tenancy.unknown = "accept"`. Without any of the
///   three the application is not built: a program in which callers can make up tenants is one on purpose.
/// - Other modules contribute to the `TenantLayerBuilder`: claims, refusals in their own words. A module
///   that authenticates requests is named to the application before this one, so that its layer stands
///   outside.
///
/// Its section is `[cache.tenancy]`, a [`TenancyConfig`].
///
/// ```
/// use app_host::{App, ConfigFormat};
/// use caching_core::HybridCache;
/// use caching_tenancy::{CachingTenancyModule, Tenant, TenantId};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let app = App::builder()
///     .module::<CachingTenancyModule>() // brings the cache along
///     .config_str(ConfigFormat::Toml, r#"cache.tenancy.tenants = ["acme", "globex"]"#)
///     .build()
///     .await?;
///
/// let cache = app.services().get::<HybridCache>()?;
/// assert!(cache.get::<_, String>("greeting").await.is_err()); // no tenant, no answer
///
/// let acme = TenantId::parse("acme")?;
/// let greeting = Tenant::scope(acme, async { cache.get::<_, String>("greeting").await });
/// assert_eq!(greeting.await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CachingTenancyModule;

impl Module for CachingTenancyModule {
    fn name(&self) -> &'static str {
        "caching-tenancy"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().requires::<CachingModule>()
    }

    fn sections(&self) -> &'static [&'static str] {
        &[SECTION]
    }

    fn enablement(&self, config: &Config) -> Enablement {
        match config.get::<bool>(ENABLED) {
            Ok(Some(false)) => Enablement::disabled(format!(
                "`{ENABLED}` is false, so all tenants share what is cached"
            )),
            _ => Enablement::Enabled,
        }
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let config: TenancyConfig = cx.section(SECTION)?;
        cx.contribute::<HybridCacheBuilder>(|cache| Ok(cache.key_scope(TenantScope::new())));
        #[cfg(feature = "http")]
        routes::wrap(cx, &config);
        #[cfg(not(feature = "http"))]
        drop(config); // read all the same, so that a typing error is found
        Ok(())
    }
}
