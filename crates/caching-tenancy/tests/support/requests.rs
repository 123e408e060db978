//! An application of one route, and requests to it.

use axum::body::{Body, to_bytes};
use axum::{Extension, Router, routing::get};
use caching_tenancy::{KnownTenants, Tenant, TenantId, TenantLayer, TenantLayerBuilder};
use http::request::Builder;
use http::{Request, StatusCode};
use tower::ServiceExt;

use super::tenant;

pub const HEADER: &str = "X-Tenant-Id";

pub fn known(names: &[&str]) -> KnownTenants {
    names.iter().map(|name| tenant(name)).collect()
}

/// A layer that knows `acme` and `globex`, and has yet to be told where to look.
pub fn layer() -> TenantLayerBuilder {
    TenantLayer::builder().directory(known(&["acme", "globex"]))
}

pub fn by_header() -> TenantLayerBuilder {
    layer().header(HEADER)
}

/// One route that answers with the tenant that it works for, on both ways to know it.
pub fn app(layer: TenantLayerBuilder) -> Router {
    async fn whoami(Extension(by_request): Extension<TenantId>) -> String {
        tokio::task::yield_now().await;
        let by_task = Tenant::current().unwrap();
        assert_eq!(by_task, by_request);
        by_task.to_string()
    }
    Router::new()
        .route("/", get(whoami))
        .layer(layer.build().unwrap())
}

pub fn request() -> Builder {
    Request::builder().uri("/")
}

pub async fn answer(app: &Router, request: Builder) -> (StatusCode, String) {
    let request = request.body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 64 * 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

pub async fn status(app: &Router, request: Builder) -> StatusCode {
    answer(app, request).await.0
}

pub fn accepted(name: &str) -> (StatusCode, String) {
    (StatusCode::OK, name.to_owned())
}

/// The sentence of a problem document.
pub fn detail(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["detail"].as_str().unwrap().to_owned()
}
