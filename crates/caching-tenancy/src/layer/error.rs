//! Why a layer could not be made.

#[cfg(doc)]
use crate::TenantLayer;

/// Everything that keeps a [`TenantLayer`] from being made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct TenantLayerErrors(pub(crate) Vec<TenantLayerError>);

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

    /// Two things make the responses of refused requests.
    #[error("refused requests are answered in two ways; contribute one `rejection`")]
    TwoRejections,

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
        crate::InvalidBaseDomain
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
