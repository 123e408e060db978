//! The layer that finds the tenant of a request.

mod builder;
mod error;

pub use self::builder::TenantLayerBuilder;
pub use self::error::{TenantLayerError, TenantLayerErrors};

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Response};
use tower::Layer;

use crate::service::TenantService;
use crate::{TenantDirectory, TenantRejection, TenantResolver};

/// Finds the tenant of a request, refuses the request where there is none, and runs the handler in it.
///
/// ```
/// use axum::{Router, routing::get};
/// use caching_tenancy::{KnownTenants, Tenant, TenantId, TenantLayer};
///
/// async fn greet() -> String {
///     match Tenant::current() {
///         Ok(tenant) => format!("hello {tenant}"),
///         Err(_) => unreachable!("the layer refuses requests without a tenant"),
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tenants: KnownTenants = [TenantId::parse("acme")?].into_iter().collect();
/// let layer = TenantLayer::builder()
///     .header("x-tenant-id")
///     .directory(tenants)
///     .build()?;
/// let app: Router = Router::new().route("/", get(greet)).layer(layer);
/// # Ok(())
/// # }
/// ```
///
/// - The handler's future works for the tenant, from its first poll to its drop. A *body* that streams
///   after the handler has returned does not; make it with [`Tenant::spawn`](crate::Tenant::spawn) and
///   a channel where it needs the tenant.
/// - The [`TenantId`](crate::TenantId) is in the extensions of the request too.
/// - Where a header decides, `Vary` says so in the response.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct TenantLayer {
    pub(crate) shared: Arc<Shared>,
}

/// What all requests through a layer have in common.
pub(crate) struct Shared {
    pub(crate) resolvers: Vec<Arc<dyn TenantResolver>>,
    /// Where the resolvers look, for refusals that name all of it.
    pub(crate) places: Arc<[Box<str>]>,
    /// None where every well-formed tenant is taken.
    pub(crate) directory: Option<Arc<dyn TenantDirectory>>,
    pub(crate) respond: Arc<Respond>,
    /// What is added to `Vary`; none where no header decides.
    pub(crate) vary: Option<HeaderValue>,
}

pub(crate) type Respond = dyn Fn(&TenantRejection) -> Response<String> + Send + Sync;

impl TenantLayer {
    /// A layer that looks nowhere yet.
    pub fn builder() -> TenantLayerBuilder {
        TenantLayerBuilder::new()
    }
}

impl<S> Layer<S> for TenantLayer {
    type Service = TenantService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TenantService::new(Arc::clone(&self.shared), inner)
    }
}

impl fmt::Debug for TenantLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLayer")
            .field("places", &self.shared.places)
            .field("has_directory", &self.shared.directory.is_some())
            .finish_non_exhaustive()
    }
}
