//! One router made of those of all modules.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;

use crate::assembly::assemble::Assembly;
use crate::assembly::plan::Owned;
use crate::http::gate;
use crate::http::plan::{HttpPlan, MakeRoutes, Wrap};
use crate::lifecycle::Lifecycle;
use crate::panic::catch;
use crate::{BuildError, ServerConfig, Services};

/// The finished routers of an application.
pub(super) struct Routers {
    /// Everything.
    pub(super) all: Router,
    /// What answers at any time: the routes of the host and the open ones.
    pub(super) open: Router,
}

/// Makes the routes of all modules and joins them with those of the host.
pub(super) fn assemble(
    assembly: &mut Assembly<'_>,
    plan: HttpPlan,
    host: Router,
    lifecycle: &Arc<Lifecycle>,
    server: &ServerConfig,
) -> Routers {
    let services = &lifecycle.facts().services;
    // axum panics on routes that collide and has no other way to ask. Every router is merged into this one
    // first, which is thrown away, so that the module that came second can be named.
    let mut all = host.clone();
    let open = make(assembly, plan.open_routes, services, &mut all);
    let routes = make(assembly, plan.routes, services, &mut all);

    let (routes, last) = wrap(assembly, plan.layers, services, routes);
    let routes = gate::guard(routes, lifecycle);
    // The host's router second: where no module has a fallback, the plain one of axum answers unknown paths,
    // not the one that the layers are around.
    let open = host.merge(open);
    let joined = merged(&routes, &open).unwrap_or_else(|reason| {
        // Only a layer that added routes of its own gets here.
        assembly.errors.push(BuildError::RouteConflict {
            module: last,
            reason,
        });
        Router::new()
    });
    let limit = usize::try_from(server.body_limit).unwrap_or(usize::MAX);
    Routers {
        all: joined.layer(DefaultBodyLimit::max(limit)),
        open: open.layer(DefaultBodyLimit::max(limit)),
    }
}

/// Makes routers and merges them, leaving out those that collide with what is in `all`.
fn make(
    assembly: &mut Assembly<'_>,
    plan: Vec<Owned<MakeRoutes>>,
    services: &Services,
    all: &mut Router,
) -> Router {
    let mut accepted = Router::new();
    for Owned {
        module,
        index,
        value: make,
    } in plan
    {
        let made = assembly.run(
            (module, index),
            || make(services),
            |module, source| BuildError::RoutesFailed { module, source },
        );
        let Some(router) = made else { continue };
        match merged(all, &router) {
            Ok(more) => {
                *all = more;
                accepted = accepted.merge(router);
            }
            Err(reason) => assembly
                .errors
                .push(BuildError::RouteConflict { module, reason }),
        }
    }
    accepted
}

/// Puts the layers around the routes, the first module's outermost; with the module whose layer it is.
fn wrap(
    assembly: &mut Assembly<'_>,
    plan: Vec<Owned<Wrap>>,
    services: &Services,
    routes: Router,
) -> (Router, &'static str) {
    let (mut routes, mut outermost) = (routes, "app-host");
    for Owned {
        module,
        index,
        value: wrap,
    } in plan.into_iter().rev()
    {
        let inner = routes.clone();
        let wrapped = assembly.run(
            (module, index),
            || wrap(services, inner),
            |module, source| BuildError::RoutesFailed { module, source },
        );
        if let Some(wrapped) = wrapped {
            (routes, outermost) = (wrapped, module);
        }
    }
    (routes, outermost)
}

fn merged(all: &Router, more: &Router) -> Result<Router, String> {
    let (all, more) = (all.clone(), more.clone());
    catch(|| all.merge(more)).map_err(|panicked| panicked.message().to_owned())
}
