//! The tenant in what an authentication layer has found out.

use http::request::Parts;

use crate::TenantId;
use crate::resolver::{TenantResolver, Unresolved};

/// Finds the tenant by a closure, such as in the claims of a token that another layer has verified and
/// left in the request's extensions.
///
/// A request without the claim is refused, whatever its header or host says: were the header to decide
/// then, leaving the token out would be all it takes to choose a tenant. Beside a claim, the other
/// resolvers can only confirm.
pub struct ClaimResolver<C> {
    claim: C,
}

impl<C, T> ClaimResolver<C>
where
    C: Fn(&Parts) -> Option<T> + Send + Sync + 'static,
    T: AsRef<str>,
{
    /// Asks `claim` for the id of the tenant.
    pub const fn new(claim: C) -> Self {
        Self { claim }
    }
}

impl<C, T> TenantResolver for ClaimResolver<C>
where
    C: Fn(&Parts) -> Option<T> + Send + Sync + 'static,
    T: AsRef<str>,
{
    fn place(&self) -> &str {
        "claim"
    }

    fn resolve(&self, request: &Parts) -> Result<Option<TenantId>, Unresolved> {
        let claim = (self.claim)(request).ok_or(Unresolved::Required)?;
        Ok(Some(TenantId::parse(claim.as_ref())?))
    }
}

impl<C> std::fmt::Debug for ClaimResolver<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClaimResolver")
    }
}
