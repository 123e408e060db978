//! The tenant of a request, as routes take it.

use axum::{extract::FromRequestParts, http::request::Parts};

use super::TenantId;
use crate::http::Problem;

/// The tenant of the request, put there by the layer that checked it.
#[derive(Clone, Debug)]
pub struct CurrentTenant(pub TenantId);

impl<S: Send + Sync> FromRequestParts<S> for CurrentTenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        parts
            .extensions
            .get::<TenantId>()
            .cloned()
            .map(Self)
            .ok_or_else(|| Problem::bad_request("no-tenant", "the request names no tenant"))
    }
}
