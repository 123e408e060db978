//! Numbers as a module.

use app_host::{BoxError, ConfigureContext, Module, Services};
use axum::{
    Router,
    extract::State,
    http::header,
    middleware::{Next, from_fn},
    response::IntoResponse,
    routing::get,
};
use caching_core::{CacheCollector, HybridCache};
use caching_events::EventBus;

use super::{Metrics, MetricsBuilder, events::EventNumbers, requests::RequestNumbers};
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
        let metrics = MetricsBuilder::default()
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
        cx.provide(metrics);
        cx.layer(move |_, router| {
            Ok(router.layer(from_fn(move |request, next: Next| {
                numbers.clone().count(request, next)
            })))
        });
        cx.open_routes(routes);
        Ok(())
    }
}

fn routes(services: &Services) -> Result<Router, BoxError> {
    let metrics = services.get::<Metrics>()?;
    // Here, where all services are there, and not as requirements: this module comes before theirs.
    if let Some(cache) = services.try_get::<HybridCache>() {
        metrics.collect(CacheCollector::new(cache));
    }
    if let Some(bus) = services.try_get::<EventBus>() {
        metrics.collect(EventNumbers(bus));
    }
    Ok(Router::new()
        .route("/metrics", get(show))
        .with_state(metrics))
}

async fn show(State(metrics): State<Metrics>) -> Result<impl IntoResponse, Problem> {
    let text = metrics.text().map_err(|error| Problem::internal(&error))?;
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, media)], text))
}
