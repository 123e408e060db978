//! `/health/live` and `/health/ready`.

use std::sync::{Arc, Weak};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::HealthReport;
use crate::lifecycle::Lifecycle;
use crate::readiness::Readiness;

/// The routes of the host.
pub(super) fn router(lifecycle: &Arc<Lifecycle>, readiness: &Arc<Readiness>) -> Router {
    let state = Asked {
        // Weak: a router that a server still holds must not keep a dropped application alive.
        lifecycle: Arc::downgrade(lifecycle),
        readiness: Arc::clone(readiness),
    };
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(state)
}

#[derive(Clone)]
struct Asked {
    lifecycle: Weak<Lifecycle>,
    readiness: Arc<Readiness>,
}

#[derive(Serialize)]
struct LiveBody {
    status: &'static str,
}

/// The process answers; restarting it would help nothing.
async fn live() -> Response {
    uncached(StatusCode::OK, LiveBody { status: "up" })
}

async fn ready(State(asked): State<Asked>) -> Response {
    let report = match asked.lifecycle.upgrade() {
        Some(lifecycle) => asked.readiness.ask(&lifecycle).await,
        None => HealthReport::gone(),
    };
    let code = if report.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    uncached(code, report)
}

/// A health answer is true now, not later.
fn uncached(code: StatusCode, body: impl Serialize) -> Response {
    (code, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
