//! The layer that finds the tenant of a request.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderValue, Response};
use tower::Layer;

use crate::directory::TenantDirectory;
use crate::problem;
use crate::resolver::{ClaimResolver, HeaderResolver, HostResolver, TenantResolver};
use crate::service::TenantService;
use crate::{KnownTenants, ResolverKind, TenancyConfig, TenantRejection, UnknownTenants};

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
    /// The places of the resolvers, for refusals that name them all.
    pub(crate) places: Arc<[Box<str>]>,
    /// None where every well-formed tenant is taken.
    pub(crate) directory: Option<Arc<dyn TenantDirectory>>,
    pub(crate) respond: Arc<Respond>,
    /// What is added to `Vary`; none where no header decides.
    pub(crate) vary: Option<HeaderValue>,
}

type Respond = dyn Fn(&TenantRejection) -> Response<String> + Send + Sync;

impl TenantLayer {
    /// A layer that looks nowhere yet.
    #[must_use]
    pub fn builder() -> TenantLayerBuilder {
        TenantLayerBuilder {
            resolvers: Vec::new(),
            directory: None,
            accepts_unknown: false,
            respond: Arc::new(problem::response),
            problems: Vec::new(),
        }
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

/// Says where a [`TenantLayer`] looks, whom it asks and how it answers.
///
/// In an app host any module may contribute to it:
///
/// ```
/// # #[cfg(feature = "host")] {
/// use app_host::{BoxError, ConfigureContext};
/// use caching_tenancy::TenantLayerBuilder;
///
/// #[derive(Clone)]
/// struct Claims {
///     tenant: String,
/// }
///
/// fn configure(cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
///     cx.contribute::<TenantLayerBuilder>(|layer| {
///         Ok(layer.claim(|request| {
///             let claims = request.extensions.get::<Claims>()?;
///             Some(claims.tenant.clone())
///         }))
///     });
///     Ok(())
/// }
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct TenantLayerBuilder {
    resolvers: Vec<Arc<dyn TenantResolver>>,
    directory: Option<Arc<dyn TenantDirectory>>,
    accepts_unknown: bool,
    respond: Arc<Respond>,
    problems: Vec<TenantLayerError>,
}

impl TenantLayerBuilder {
    /// A builder with what a section of configuration says.
    pub fn from_config(config: &TenancyConfig) -> Self {
        let mut builder = TenantLayer::builder();
        for resolver in &config.resolvers {
            builder = match (resolver, &config.base_domain) {
                (ResolverKind::Header, _) => builder.header(&config.header),
                (ResolverKind::Host, Some(base_domain)) => builder.host(base_domain),
                (ResolverKind::Host, None) => builder.but(TenantLayerError::NoBaseDomain),
            };
        }
        if config.base_domain.is_some() && !config.resolvers.contains(&ResolverKind::Host) {
            builder = builder.but(TenantLayerError::UnusedBaseDomain);
        }
        if !config.tenants.is_empty() {
            let tenants = config.tenants.iter().cloned();
            builder = builder.directory(tenants.collect::<KnownTenants>());
        }
        match config.unknown {
            UnknownTenants::Accept => builder.accept_unknown(),
            UnknownTenants::Refuse => builder,
        }
    }

    /// Looks at a header such as `X-Tenant-Id`; see [`HeaderResolver`].
    pub fn header(self, header: &str) -> Self {
        match HeaderResolver::new(header) {
            Ok(resolver) => self.resolver(resolver),
            Err(_) => {
                let header = header.escape_debug().to_string();
                self.but(TenantLayerError::InvalidHeader { header })
            }
        }
    }

    /// Looks at the host name, one label below a base domain; see [`HostResolver`].
    pub fn host(self, base_domain: &str) -> Self {
        match HostResolver::new(base_domain) {
            Ok(resolver) => self.resolver(resolver),
            Err(_) => {
                let base_domain = base_domain.escape_debug().to_string();
                self.but(TenantLayerError::InvalidBaseDomain { base_domain })
            }
        }
    }

    /// Asks a closure for the id of the tenant, such as for a claim that an authentication layer left in
    /// the request's extensions; see [`ClaimResolver`]. That layer has to stand outside of this one.
    pub fn claim<C, T>(self, claim: C) -> Self
    where
        C: Fn(&Parts) -> Option<T> + Send + Sync + 'static,
        T: AsRef<str> + 'static,
    {
        self.resolver(ClaimResolver::new(claim))
    }

    /// Looks at a place of your own. Resolvers are asked in the order in which they were added; since all
    /// are asked and none overrules another, the order decides only which of two faults is reported.
    pub fn resolver(mut self, resolver: impl TenantResolver) -> Self {
        self.resolvers.push(Arc::new(resolver));
        self
    }

    /// Asks whether there is such a tenant. There can be one directory; a second is an error of
    /// [`build`](Self::build).
    pub fn directory(mut self, directory: impl TenantDirectory) -> Self {
        match self.directory.replace(Arc::new(directory)) {
            Some(_) => self.but(TenantLayerError::TwoDirectories),
            None => self,
        }
    }

    /// Takes every well-formed tenant where there is no directory; see [`UnknownTenants::Accept`].
    pub const fn accept_unknown(mut self) -> Self {
        self.accepts_unknown = true;
        self
    }

    /// Makes the responses of refused requests, in place of problem documents.
    ///
    /// ```
    /// use caching_tenancy::TenantLayer;
    /// use http::Response;
    ///
    /// let layer = TenantLayer::builder().rejection(|rejection| {
    ///     let mut response = Response::new(rejection.to_string());
    ///     *response.status_mut() = rejection.status();
    ///     response
    /// });
    /// ```
    pub fn rejection(
        mut self,
        respond: impl Fn(&TenantRejection) -> Response<String> + Send + Sync + 'static,
    ) -> Self {
        self.respond = Arc::new(respond);
        self
    }

    /// Makes the layer.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once; among it that nothing knows which tenants there are and that
    /// nobody said [`accept_unknown`](Self::accept_unknown) either.
    pub fn build(mut self) -> Result<TenantLayer, TenantLayerErrors> {
        if self.resolvers.is_empty() && self.problems.is_empty() {
            self.problems.push(TenantLayerError::NoResolver);
        }
        if self.directory.is_none() && !self.accepts_unknown {
            self.problems.push(TenantLayerError::NoDirectory);
        }
        if !self.problems.is_empty() {
            return Err(TenantLayerErrors(self.problems));
        }
        let places = self
            .resolvers
            .iter()
            .map(|resolver| resolver.place().into());
        let shared = Shared {
            places: places.collect(),
            vary: vary(&self.resolvers),
            resolvers: self.resolvers,
            directory: self.directory,
            respond: self.respond,
        };
        Ok(TenantLayer {
            shared: Arc::new(shared),
        })
    }

    fn but(mut self, problem: TenantLayerError) -> Self {
        self.problems.push(problem);
        self
    }
}

fn vary(resolvers: &[Arc<dyn TenantResolver>]) -> Option<HeaderValue> {
    let headers: Vec<_> = resolvers
        .iter()
        .filter_map(|resolver| resolver.varies_on())
        .map(http::HeaderName::as_str)
        .collect();
    // Names of headers, commas and spaces can always stand in a header.
    (!headers.is_empty())
        .then(|| HeaderValue::try_from(headers.join(", ")).ok())
        .flatten()
}

impl fmt::Debug for TenantLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.resolvers.iter().map(|each| each.place()).collect();
        f.debug_struct("TenantLayerBuilder")
            .field("places", &places)
            .field("has_directory", &self.directory.is_some())
            .finish_non_exhaustive()
    }
}

/// Everything that keeps a [`TenantLayer`] from being made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct TenantLayerErrors(Vec<TenantLayerError>);

impl TenantLayerErrors {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &TenantLayerError> {
        self.0.iter()
    }
}

/// One thing that keeps a [`TenantLayer`] from being made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantLayerError {
    /// It would look nowhere.
    #[error(
        "the tenant of a request is looked for nowhere; \
         name a header, a base domain or a claim, or set `cache.tenancy.resolvers`"
    )]
    NoResolver,

    /// Nothing knows which tenants there are.
    #[error(
        "nothing knows which tenants there are; provide a `TenantDirectory`, \
         list them in `cache.tenancy.tenants`, \
         or say `cache.tenancy.unknown = \"accept\"` where every request has been checked before"
    )]
    NoDirectory,

    /// Two things say which tenants there are.
    #[error(
        "there are two directories of tenants; keep one of `cache.tenancy.tenants` and what modules provide"
    )]
    TwoDirectories,

    /// A header that there cannot be.
    #[error(
        "`{header}` cannot be the name of a header; `cache.tenancy.header` is such as `x-tenant-id`"
    )]
    InvalidHeader {
        /// Its name, escaped.
        header: String,
    },

    /// A domain that there cannot be.
    #[error(
        "`{base_domain}` (`cache.tenancy.base_domain`) {}",
        crate::resolver::InvalidBaseDomain
    )]
    InvalidBaseDomain {
        /// Its name, escaped.
        base_domain: String,
    },

    /// The host name is looked at, and there is no domain to find it under.
    #[error("the resolver `host` needs `cache.tenancy.base_domain`, such as `example.com`")]
    NoBaseDomain,

    /// There is a domain, and nobody looks at the host name.
    #[error("`cache.tenancy.base_domain` is set, and `host` is not in `cache.tenancy.resolvers`")]
    UnusedBaseDomain,
}
