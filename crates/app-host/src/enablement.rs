//! Whether a module takes part.

use std::any::TypeId;
use std::collections::HashSet;
use std::sync::Arc;

use crate::ModuleId;

/// Whether a module takes part, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enablement {
    /// The module takes part.
    Enabled,
    /// The module stays out of everything but the report.
    Disabled {
        /// Why, for people: ``no `cache.redis.url` is set``.
        reason: String,
    },
}

impl Enablement {
    /// The module stays out, for this reason.
    ///
    /// ```
    /// use app_host::{Config, Enablement};
    ///
    /// fn enablement(config: &Config) -> Enablement {
    ///     if config.contains("cache.redis.url") {
    ///         Enablement::Enabled
    ///     } else {
    ///         Enablement::disabled("no `cache.redis.url` is set")
    ///     }
    /// }
    /// ```
    pub fn disabled(reason: impl Into<String>) -> Self {
        Self::Disabled {
            reason: reason.into(),
        }
    }
}

/// The modules that take part; a service that the host provides.
///
/// Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct EnabledModules {
    ids: Arc<HashSet<ModuleId>>,
}

impl EnabledModules {
    pub(crate) fn new(ids: impl IntoIterator<Item = ModuleId>) -> Self {
        Self {
            ids: Arc::new(ids.into_iter().collect()),
        }
    }

    /// Whether this module takes part.
    pub fn contains(&self, id: ModuleId) -> bool {
        self.ids.contains(&id)
    }

    /// Whether the module of this type takes part.
    pub fn contains_type(&self, id: TypeId) -> bool {
        self.contains(ModuleId::from_type_id(id))
    }
}
