//! What holds for every route, as a module.

use std::any::Any;

use app_host::{BoxError, ConfigureContext, Dependencies, Module};
use axum::{
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::Problem;
use crate::telemetry::TelemetryModule;

/// Answers what no route answers: an unknown path, a wrong method, a panic.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemsModule;

impl Module for ProblemsModule {
    fn name(&self) -> &'static str {
        "problems"
    }

    fn depends_on(&self) -> Dependencies {
        Dependencies::none().after::<TelemetryModule>()
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        cx.layer(|_, router| {
            Ok(router
                .layer(CatchPanicLayer::custom(panicked))
                .fallback(no_route)
                .method_not_allowed_fallback(no_method))
        });
        Ok(())
    }
}

async fn no_route(uri: Uri) -> Problem {
    Problem::not_found(format!("there is nothing at {}", uri.path()))
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", detail)
}

/// The panic itself has been printed by the hook of the process.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request panicked");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "the request failed; the log says why",
    )
    .into_response()
}
