//! The section `[cache.tenancy]` of a configuration file.

use serde::{Deserialize, Serialize};

use crate::TenantId;

/// The section `[cache.tenancy]`.
///
/// It deserialises from anything that serde reads; an app host reads it from its TOML or JSON files.
/// An empty one looks for the tenant in the header `X-Tenant-Id`, and needs a directory of tenants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TenancyConfig {
    /// Whether tenants are kept apart. Off, all of them would share one cache, so modules that
    /// require tenancy refuse to be built. Default: `true`
    pub enabled: bool,

    /// Where the tenant of a request is looked for, beside the resolvers that modules add in code:
    /// `header`, `host`. All of them are asked, and two that disagree refuse the request.
    /// Default: `["header"]`
    pub resolvers: Vec<ResolverKind>,

    /// The header of the resolver `header`. Default: `x-tenant-id`
    pub header: String,

    /// The domain of the resolver `host`: with `example.com`, the tenant of `acme.example.com` is
    /// `acme`.
    pub base_domain: Option<String>,

    /// The tenants that there are, where they are few and fixed. Otherwise a module provides an
    /// `Arc<dyn TenantDirectory>`. Default: none
    pub tenants: Vec<TenantId>,

    /// What becomes of a well-formed tenant when there is neither a directory nor a list of `tenants`:
    /// `refuse` does not build such an application, `accept` takes every tenant that a request names.
    /// Default: `refuse`
    pub unknown: UnknownTenants,
}

impl Default for TenancyConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            resolvers: vec![ResolverKind::Header],
            header: "x-tenant-id".to_owned(),
            base_domain: None,
            tenants: Vec::new(),
            unknown: UnknownTenants::Refuse,
        }
    }
}

/// A place of a request where a tenant is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ResolverKind {
    /// A header of its own.
    Header,
    /// The first label of the host name.
    Host,
}

/// What becomes of a well-formed tenant when nothing knows which tenants there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownTenants {
    /// Somebody has to say which tenants there are.
    #[default]
    Refuse,
    /// Every well-formed tenant is taken. Right where whatever stands in front of the application has
    /// checked it; elsewhere anybody can make up tenants, each of which takes memory.
    Accept,
}
