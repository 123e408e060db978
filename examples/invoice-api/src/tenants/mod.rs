//! Tenants: who may use the API.

mod directory;
mod module;
mod request;
mod store;

pub use caching_tenancy::TenantId;
pub use directory::Directory;
pub use module::TenantsModule;
pub use request::CurrentTenant;
pub(crate) use store::add;
