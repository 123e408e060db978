//! The modules that a module needs before itself.

use std::any::type_name;
use std::sync::Arc;

use crate::type_name::short;
use crate::{Module, ModuleId};

/// The modules that come before a module.
///
/// | edge | when the other is not in the application | when the other is disabled |
/// | --- | --- | --- |
/// | [`requires`](Self::requires) | it is made with `Default` and added | build error with the reason |
/// | [`requires_added`](Self::requires_added) | build error | build error with the reason |
/// | [`after`](Self::after) | no matter | no matter |
///
/// Every edge orders: the other is configured, built and started before, and stopped after.
#[derive(Default)]
pub struct Dependencies {
    edges: Vec<Dependency>,
}

impl Dependencies {
    /// No other module comes before.
    pub fn none() -> Self {
        Self::default()
    }

    /// `M` must take part. It is added to the application when nobody named it at the builder.
    #[must_use]
    pub fn requires<M: Module + Default>(self) -> Self {
        self.with::<M>(DependencyKind::Required(Some(|| Arc::new(M::default()))))
    }

    /// `M` must take part, and somebody has to add it with
    /// [`AppBuilder::with_module`](crate::AppBuilder::with_module), because it cannot be made from nothing.
    #[must_use]
    pub fn requires_added<M: Module>(self) -> Self {
        self.with::<M>(DependencyKind::Required(None))
    }

    /// If `M` takes part, it comes before.
    #[must_use]
    pub fn after<M: Module>(self) -> Self {
        self.with::<M>(DependencyKind::After)
    }

    fn with<M: Module>(mut self, kind: DependencyKind) -> Self {
        self.edges.push(Dependency {
            id: ModuleId::of::<M>(),
            type_name: short(type_name::<M>()),
            kind,
        });
        self
    }

    pub(crate) fn into_edges(self) -> Vec<Dependency> {
        self.edges
    }
}

/// One edge from a module to one that comes before it.
pub(crate) struct Dependency {
    pub(crate) id: ModuleId,
    pub(crate) type_name: String,
    pub(crate) kind: DependencyKind,
}

pub(crate) enum DependencyKind {
    /// With the way to make the module, where there is one.
    Required(Option<fn() -> Arc<dyn Module>>),
    After,
}
