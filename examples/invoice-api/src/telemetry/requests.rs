//! A line and two numbers for each request.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
};
use tracing::{Instrument, info, info_span};

/// How many requests there were, and how long they took.
#[derive(Clone, Debug)]
pub(super) struct RequestNumbers {
    pub(super) count: Family<RequestLabels, Counter>,
    pub(super) seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
}

/// What requests are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

/// What the time of requests is measured by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    method: String,
    route: String,
}

impl Default for RequestNumbers {
    fn default() -> Self {
        Self {
            count: Family::default(),
            seconds: Family::new_with_constructor(|| {
                // A tenth of a millisecond to three seconds.
                Histogram::new(exponential_buckets(0.0001, 2.0, 16))
            }),
        }
    }
}

impl RequestNumbers {
    /// Counts a request by its route, never by its path: ids would make a number each.
    pub(super) async fn count(self, request: Request, next: Next) -> Response {
        let started = Instant::now();
        let method = known_method(request.method());
        let route = request
            .extensions()
            .get::<MatchedPath>()
            .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
        let span = info_span!("request", method, route);
        let response = next.run(request).instrument(span.clone()).await;
        let elapsed = started.elapsed();
        let status = response.status().as_u16();
        info!(parent: &span, status, elapsed_us = elapsed.as_micros() as u64, "answered");
        let (method, labels) = (method.to_owned(), route.clone());
        self.seconds
            .get_or_create(&RouteLabels {
                method: method.clone(),
                route: labels,
            })
            .observe(elapsed.as_secs_f64());
        self.count
            .get_or_create(&RequestLabels {
                method,
                route,
                status,
            })
            .inc();
        response
    }
}

/// A method of HTTP by its name, and any other as `other`: a client may send what it likes.
fn known_method(method: &axum::http::Method) -> &'static str {
    ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]
        .into_iter()
        .find(|known| method == known)
        .unwrap_or("other")
}
