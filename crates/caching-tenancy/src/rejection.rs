//! Why a request is refused.

use std::sync::Arc;

use http::StatusCode;

use crate::resolver::Unresolved;
use crate::{BoxError, TenantId};

/// Why a request does not reach its handler.
///
/// | reason | status |
/// | --- | --- |
/// | `Absent`, `Unresolved` | 400 Bad Request |
/// | `Conflict`, `Unknown` | 403 Forbidden |
/// | `DirectoryFailed` | 503 Service Unavailable |
///
/// The message (`Display`) is a sentence that can be sent back: it holds nothing of the request but a tenant
/// id that has been parsed, and nothing of what the directory said.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantRejection {
    /// Nothing in the request names a tenant.
    #[error("the request names no tenant; name one by {}", or(places))]
    Absent {
        /// Where one could have been named.
        places: Arc<[Box<str>]>,
    },

    /// A place of the request that has to name a tenant, and no other, does not.
    #[error("the tenant by {place} is refused: {reason}")]
    Unresolved {
        /// Where.
        place: Box<str>,
        /// What is wrong there.
        #[source]
        reason: Unresolved,
    },

    /// Two places of the request name different tenants: a mistake, or a try to be somebody else.
    ///
    /// The message leaves out which, so that a stranger learns nothing of what another layer found out.
    #[error("the request names different tenants by {first} and by {second}")]
    Conflict {
        /// The one place.
        first: Box<str>,
        /// The tenant there.
        first_tenant: TenantId,
        /// The other place.
        second: Box<str>,
        /// The tenant there.
        second_tenant: TenantId,
    },

    /// There is no such tenant.
    #[error("there is no tenant `{tenant}`")]
    Unknown {
        /// The tenant that the request named.
        tenant: TenantId,
    },

    /// The directory could not say whether there is such a tenant.
    #[error("whether there is a tenant `{tenant}` cannot be said now; try again later")]
    DirectoryFailed {
        /// The tenant that the request named.
        tenant: TenantId,
        /// What the directory said; for logs, not for callers.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
}

impl TenantRejection {
    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Absent { .. } | Self::Unresolved { .. } => StatusCode::BAD_REQUEST,
            Self::Conflict { .. } | Self::Unknown { .. } => StatusCode::FORBIDDEN,
            Self::DirectoryFailed { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn directory_failed(tenant: TenantId, error: BoxError) -> Self {
        Self::DirectoryFailed {
            tenant,
            source: error.into(),
        }
    }

    /// Leaves one event, at a level by who has to look at it.
    pub(crate) fn log(&self) {
        match self {
            Self::DirectoryFailed { tenant, source } => {
                tracing::error!(%tenant, error = %source, "the directory of tenants failed");
            }
            Self::Conflict {
                first,
                first_tenant,
                second,
                second_tenant,
            } => tracing::warn!(
                first,
                %first_tenant,
                second,
                %second_tenant,
                "a request names two tenants"
            ),
            // Anybody can send such requests, as many as they like.
            _ => tracing::debug!(reason = %self, "a request was refused"),
        }
    }
}

fn or(places: &[Box<str>]) -> String {
    places.join(" or ")
}
