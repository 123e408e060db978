//! Logs and numbers as a module.

use app_host::{BoxError, ConfigureContext, Module};
use axum::{
    Router,
    http::header,
    middleware::{Next, from_fn},
    response::IntoResponse,
    routing::get,
};

use super::{Metrics, MetricsBuilder, requests::RequestNumbers};
use crate::http::Problem;

/// Serves `/metrics`, and counts and logs each request.
#[derive(Clone, Copy, Debug, Default)]
pub struct TelemetryModule;

impl Module for TelemetryModule {
    fn name(&self) -> &'static str {
        "telemetry"
    }

    fn configure(&self, cx: &mut ConfigureContext<'_>) -> Result<(), BoxError> {
        let numbers = RequestNumbers::default();
        let builder = MetricsBuilder::default()
            .register(
                "http_requests",
                "Requests, by route and status",
                numbers.count.clone(),
            )
            .register(
                "http_request_seconds",
                "How long requests took, by route",
                numbers.seconds.clone(),
            );
        cx.provide(builder);
        cx.layer(move |_, router| {
            Ok(router.layer(from_fn(move |request, next: Next| {
                numbers.clone().count(request, next)
            })))
        });
        cx.open_routes(|services| {
            let metrics = services.get::<Metrics>()?;
            Ok(Router::new().route("/metrics", get(move || async move { show(&metrics) })))
        });
        Ok(())
    }
}

fn show(metrics: &Metrics) -> Result<impl IntoResponse, Problem> {
    let text = metrics.text().map_err(|error| Problem::internal(&error))?;
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media)], text))
}
