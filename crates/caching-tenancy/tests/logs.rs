//! What a refused request leaves in the logs.

#![cfg(feature = "tower")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use caching_tenancy::{KnownTenants, TenantLayer};
use http::{Request, StatusCode};
use tower::ServiceExt;
use tracing::Level;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::MakeWriter;

use support::tenant;

/// Lines as they would be written to standard error.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What is logged at `info` and above while a request is answered.
async fn logged(request: http::request::Builder, expected: StatusCode) -> String {
    let tenants: KnownTenants = [tenant("acme")].into_iter().collect();
    let layer = TenantLayer::builder()
        .header("x-tenant-id")
        .host("example.com")
        .directory(tenants);
    let app: Router = Router::new().layer(layer.build().unwrap());
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_max_level(Level::INFO)
        .with_ansi(false)
        .finish();
    let request = request.uri("/").body(Body::empty()).unwrap();
    let response = app.oneshot(request).with_subscriber(subscriber).await;
    assert_eq!(response.unwrap().status(), expected);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_request_that_names_two_tenants_is_a_warning_with_both() {
    let forged = Request::builder()
        .header("host", "acme.example.com")
        .header("x-tenant-id", "globex");
    let log = logged(forged, StatusCode::FORBIDDEN).await;
    assert!(log.contains("WARN"), "{log}");
    for tenant in ["acme", "globex"] {
        assert!(log.contains(tenant), "{log}");
    }
}

#[tokio::test]
async fn noise_that_anybody_can_make_fills_no_log() {
    for header in ["initech", "Not A Tenant", ""] {
        let request = Request::builder().header("x-tenant-id", header);
        let status = match header {
            "initech" => StatusCode::FORBIDDEN,
            _ => StatusCode::BAD_REQUEST,
        };
        assert_eq!(logged(request, status).await, "", "{header:?}");
    }
}
