//! What a layer is made of: where it looks, whom it asks, how it answers.

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderName, HeaderValue, Response};

use crate::layer::{Respond, Shared, TenantLayer, TenantLayerError, TenantLayerErrors};
use crate::resolver::{ClaimResolver, HeaderResolver, HostResolver};
use crate::{
    KnownTenants, ResolverKind, TenancyConfig, TenantDirectory, TenantRejection, TenantResolver,
    UnknownTenants, problem,
};

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
    /// None for problem documents.
    respond: Option<Arc<Respond>>,
    problems: Vec<TenantLayerError>,
}

impl TenantLayerBuilder {
    pub(crate) const fn new() -> Self {
        Self {
            resolvers: Vec::new(),
            directory: None,
            accepts_unknown: false,
            respond: None,
            problems: Vec::new(),
        }
    }

    /// A builder with what a section of configuration says.
    pub fn from_config(config: &TenancyConfig) -> Self {
        let mut builder = Self::new();
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

    /// Makes the responses of refused requests, in place of problem documents. Only one can; a second is
    /// an error of [`build`](Self::build).
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
        match self.respond.replace(Arc::new(respond)) {
            Some(_) => self.but(TenantLayerError::TwoRejections),
            None => self,
        }
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
            respond: self.respond.unwrap_or_else(|| Arc::new(problem::response)),
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
        .map(HeaderName::as_str)
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
