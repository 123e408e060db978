//! A request on its way through the layer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::VARY;
use http::request::Parts;
use http::{Request, Response};
use tower::Service;

use crate::layer::Shared;
use crate::{Tenant, TenantId, TenantRejection};

/// A service whose requests have a tenant; made by a [`TenantLayer`](crate::TenantLayer).
#[derive(Clone)]
pub struct TenantService<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S> TenantService<S> {
    pub(crate) const fn new(shared: Arc<Shared>, inner: S) -> Self {
        Self { shared, inner }
    }
}

impl<S, B, R> Service<Request<B>> for TenantService<S>
where
    S: Service<Request<B>, Response = Response<R>, Future: Send> + Clone + Send + 'static,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        // The one that was asked whether it is ready is the one that is called; its clone waits.
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let mut response = match shared.admit(&parts).await {
                Ok(tenant) => {
                    parts.extensions.insert(tenant.clone());
                    let request = Request::from_parts(parts, body);
                    // `call` stands inside, as it may do work before its future is polled.
                    Tenant::scope(tenant, async move { inner.call(request).await }).await?
                }
                Err(rejection) => {
                    rejection.log();
                    (shared.respond)(&rejection).map(R::from)
                }
            };
            if let Some(vary) = &shared.vary {
                response.headers_mut().append(VARY, vary.clone());
            }
            Ok(response)
        })
    }
}

impl Shared {
    /// The tenant of a request, if it may be one.
    async fn admit(&self, request: &Parts) -> Result<TenantId, TenantRejection> {
        let tenant = self.resolve(request)?;
        let Some(directory) = &self.directory else {
            return Ok(tenant);
        };
        match directory.is_known(&tenant).await {
            Ok(true) => Ok(tenant),
            Ok(false) => Err(TenantRejection::Unknown { tenant }),
            Err(error) => Err(TenantRejection::directory_failed(tenant, error)),
        }
    }

    /// Asks every resolver, so that none covers up what another one finds.
    fn resolve(&self, request: &Parts) -> Result<TenantId, TenantRejection> {
        let mut found: Option<(&str, TenantId)> = None;
        for resolver in &self.resolvers {
            let place = resolver.place();
            let answer = resolver.resolve(request);
            let answer = answer.map_err(|reason| TenantRejection::Unresolved {
                place: place.into(),
                reason,
            })?;
            match (&found, answer) {
                (_, None) => {}
                (None, Some(tenant)) => found = Some((place, tenant)),
                (Some((_, first)), Some(second)) if *first == second => {}
                (Some((first, first_tenant)), Some(second_tenant)) => {
                    return Err(TenantRejection::Conflict {
                        first: (*first).into(),
                        first_tenant: first_tenant.clone(),
                        second: place.into(),
                        second_tenant,
                    });
                }
            }
        }
        let (_, tenant) = found.ok_or_else(|| TenantRejection::Absent {
            places: Arc::clone(&self.places),
        })?;
        Ok(tenant)
    }
}

impl<S> std::fmt::Debug for TenantService<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TenantService")
    }
}
