//! What happened to a flag, told after the commit.

use std::borrow::Cow;

use caching_events::{DomainEvent, ScopeText};

use crate::tenants::TenantId;

/// The text of the scope that is everybody's.
const SHARED: &str = "shared";

/// A flag was set.
#[derive(Clone, Debug, PartialEq, Eq, DomainEvent)]
#[event(name = "feature.value_changed", scope = owner)]
pub struct FeatureValueChanged {
    /// Whose value.
    pub owner: FlagOwner,
    /// Which flag.
    pub name: String,
    /// Whether it is on now.
    pub enabled: bool,
}

/// Whose value of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagOwner {
    /// That of every tenant that has not set its own.
    Everybody,
    /// One tenant's own.
    Tenant(TenantId),
}

impl ScopeText for FlagOwner {
    fn scope_text(&self) -> Cow<'_, str> {
        match self {
            Self::Everybody => Cow::Borrowed(SHARED),
            Self::Tenant(tenant) => tenant.scope_text(),
        }
    }
}
