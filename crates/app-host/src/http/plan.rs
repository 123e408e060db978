//! Routes and layers that modules asked for, before they are made.

use axum::Router;

use crate::assembly::plan::Owned;
use crate::{BoxError, Services};

pub(crate) type MakeRoutes = Box<dyn FnOnce(&Services) -> Result<Router, BoxError> + Send>;
pub(crate) type Wrap = Box<dyn FnOnce(&Services, Router) -> Result<Router, BoxError> + Send>;

/// Routes and layers of all modules, in the order of the modules.
#[derive(Default)]
pub(crate) struct HttpPlan {
    pub(crate) routes: Vec<Owned<MakeRoutes>>,
    pub(crate) open_routes: Vec<Owned<MakeRoutes>>,
    pub(crate) layers: Vec<Owned<Wrap>>,
}

impl HttpPlan {
    pub(crate) fn is_empty(&self) -> bool {
        self.routes.is_empty() && self.open_routes.is_empty()
    }
}
