//! Keeps the tenants of an application apart.
//!
//! Every request, task and event works for one tenant. [`Tenant`] carries it through the program,
//! [`TenantScope`] makes it part of every cache key, tag and flight, and `TenantLayer` finds it in a
//! request and refuses those without one. Where there is no tenant, there is an error; never a default.
//!
//! ```
//! use caching_core::HybridCache;
//! use caching_tenancy::{Tenant, TenantId, TenantScope};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = HybridCache::builder().key_scope(TenantScope::new()).build()?;
//!
//! let acme = TenantId::parse("acme")?;
//! let total = Tenant::scope(acme, async {
//!     cache.get_or_set("total", |_| async { Ok::<_, std::io::Error>(42) }).await
//! })
//! .await?;
//! assert_eq!(*total, 42);
//! # Ok(())
//! # }
//! ```
//!
//! In an app host, `CachingTenancyModule` does this for the cache and the routes of the application.
//!
//! # Features
//!
//! | feature | on by default | what |
//! | --- | --- | --- |
//! | `host` | yes | `CachingTenancyModule` |
//! | `tower` | by `http` | `TenantLayer` for any tower service; no axum |
//! | `http` | yes | the module puts the layer around the routes of the host |

mod id;
mod interner;
mod scope;
mod tenant;

mod config;

#[cfg(feature = "tower")]
mod directory;
#[cfg(feature = "tower")]
mod layer;
#[cfg(feature = "tower")]
mod problem;
#[cfg(feature = "tower")]
mod rejection;
#[cfg(feature = "tower")]
mod resolver;
#[cfg(feature = "tower")]
mod service;

#[cfg(feature = "host")]
mod module;

pub use crate::config::{ResolverKind, TenancyConfig, UnknownTenants};
pub use crate::id::{TenantId, TenantIdError};
pub use crate::scope::TenantScope;
pub use crate::tenant::{NoTenant, Tenant};

#[cfg(feature = "tower")]
pub use crate::directory::{KnownTenants, TenantDirectory};
#[cfg(feature = "tower")]
pub use crate::layer::{TenantLayer, TenantLayerBuilder, TenantLayerError, TenantLayerErrors};
#[cfg(feature = "tower")]
pub use crate::rejection::TenantRejection;
#[cfg(feature = "tower")]
pub use crate::resolver::{
    ClaimResolver, HeaderResolver, HostResolver, InvalidBaseDomain, TenantResolver, Unresolved,
};
#[cfg(feature = "tower")]
pub use crate::service::TenantService;

#[cfg(feature = "host")]
pub use crate::module::CachingTenancyModule;

// What somebody needs who writes a `TenantDirectory`.
#[cfg(feature = "tower")]
pub use async_trait::async_trait;
#[cfg(feature = "tower")]
pub use caching_core::BoxError;

// The guide's code is compiled and run with the documentation tests.
#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../../docs/guides/tenancy.md")]
struct Guide;
