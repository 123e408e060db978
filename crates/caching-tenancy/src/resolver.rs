//! Where the tenant of a request is looked for.

mod claim;
mod header;
mod host;

pub use self::claim::ClaimResolver;
pub use self::header::HeaderResolver;
pub use self::host::{HostResolver, InvalidBaseDomain};

use http::HeaderName;
use http::request::Parts;

use crate::{TenantId, TenantIdError};

/// Finds the tenant in one place of a request.
///
/// A layer asks all of its resolvers. The tenant is what those say that say anything; two that disagree
/// refuse the request, and so does one that finds something it cannot accept. What one resolver finds
/// therefore never covers up what another one objects to.
///
/// ```
/// use caching_tenancy::{TenantId, TenantResolver, Unresolved};
/// use http::request::Parts;
///
/// /// The first segment of the path: `/acme/invoices`.
/// struct PathResolver;
///
/// impl TenantResolver for PathResolver {
///     fn place(&self) -> &str {
///         "path"
///     }
///
///     fn resolve(&self, request: &Parts) -> Result<Option<TenantId>, Unresolved> {
///         let segment = request.uri.path().split('/').nth(1).unwrap_or_default();
///         Ok(Some(TenantId::parse(segment)?))
///     }
/// }
/// ```
pub trait TenantResolver: Send + Sync + 'static {
    /// Where it looks, for refusals and logs: ``header `x-tenant-id` ``.
    fn place(&self) -> &str;

    /// The tenant that the request names there, or `None` where it names none.
    ///
    /// # Errors
    ///
    /// [`Unresolved`] refuses the request, whatever other resolvers find.
    fn resolve(&self, request: &Parts) -> Result<Option<TenantId>, Unresolved>;

    /// The header that decides, if one does. Responses name it in `Vary` (RFC 9110, section 12.5.5),
    /// so that no HTTP cache on the way gives one tenant's response to another.
    fn varies_on(&self) -> Option<&HeaderName> {
        None
    }
}

/// Why a resolver refuses a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unresolved {
    /// The tenant has to be there, and is not.
    #[error("names no tenant")]
    Required,

    /// What is there is no tenant's id.
    #[error(transparent)]
    Malformed(#[from] TenantIdError),

    /// What is there is not text, or not what can stand there.
    #[error("{reason}")]
    Unreadable {
        /// What is wrong with it; never what the request holds.
        reason: &'static str,
    },

    /// It is there more than once, and whoever stands in front may have looked at another one.
    #[error("is given {count} times; it may be given once")]
    Repeated {
        /// How many times.
        count: usize,
    },
}
