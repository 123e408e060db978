//! Routes answer only while the application runs.

use std::sync::{Arc, Weak};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use crate::http::problem::problem;
use crate::lifecycle::Lifecycle;
use crate::lifecycle::phase::Phase;

/// Puts the gate before the routes of modules and their layers, which use services that are not open yet.
pub(super) fn guard(routes: Router, lifecycle: &Arc<Lifecycle>) -> Router {
    // Weak: a router that a server still holds must not keep a dropped application alive.
    let lifecycle = Arc::downgrade(lifecycle);
    routes.layer(from_fn_with_state(lifecycle, pass))
}

/// What answers while modules stop.
pub(super) fn stopping(open: Router) -> Router {
    open.fallback(async || refuse(Phase::Stopping))
}

async fn pass(State(lifecycle): State<Weak<Lifecycle>>, request: Request, next: Next) -> Response {
    let phase = lifecycle
        .upgrade()
        .map_or(Phase::Stopped, |app| app.phase());
    match phase {
        Phase::Running | Phase::Draining => next.run(request).await,
        phase => refuse(phase),
    }
}

fn refuse(phase: Phase) -> Response {
    let detail = match phase {
        Phase::Built => "the application has not been started; call `App::start` first",
        Phase::Starting => "the application is starting",
        _ => "the application is stopping",
    };
    let mut response = problem(StatusCode::SERVICE_UNAVAILABLE, detail);
    let soon = header::HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, soon);
    if matches!(phase, Phase::Stopping | Phase::Stopped) {
        let close = header::HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}
