//! Whom the layer asks about a tenant, how it answers, and how it treats the service inside.

#![cfg(feature = "tower")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use caching_tenancy::{
    BoxError, Tenant, TenantDirectory, TenantId, TenantLayer, TenantLayerBuilder, TenantLayerError,
    TenantRejection, async_trait,
};
use http::header::{CONTENT_TYPE, HOST, VARY};
use http::{Request, Response, StatusCode};
use tower::ServiceExt;

use support::requests::{HEADER, accepted, answer, app, by_header, known, layer, request, status};
use support::tenant;

struct Scripted {
    asked: AtomicUsize,
    answer: fn() -> Result<bool, BoxError>,
}

#[async_trait]
impl TenantDirectory for Scripted {
    async fn is_known(&self, _: &TenantId) -> Result<bool, BoxError> {
        tokio::task::yield_now().await;
        self.asked.fetch_add(1, Ordering::Relaxed);
        (self.answer)()
    }
}

fn scripted(answer: fn() -> Result<bool, BoxError>) -> (Arc<Scripted>, Router) {
    let directory = Arc::new(Scripted {
        asked: AtomicUsize::new(0),
        answer,
    });
    let layer = TenantLayer::builder()
        .header(HEADER)
        .directory(Arc::clone(&directory));
    (directory, app(layer))
}

#[tokio::test]
async fn a_directory_that_fails_is_503_and_its_reason_stays_inside() {
    let (_, app) = scripted(|| Err("postgres://admin:hunter2@db refused".into()));
    let (status, body) = answer(&app, request().header(HEADER, "acme")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        !body.contains("hunter2") && !body.contains("postgres"),
        "{body}"
    );
}

#[tokio::test]
async fn a_directory_is_asked_only_about_well_formed_tenants() {
    let (directory, app) = scripted(|| Ok(true));
    for value in ["' OR 1=1 --", "acme\t", "../../etc"] {
        assert_eq!(
            status(&app, request().header(HEADER, value)).await,
            StatusCode::BAD_REQUEST
        );
    }
    assert_eq!(directory.asked.load(Ordering::Relaxed), 0);
    assert_eq!(
        answer(&app, request().header(HEADER, "acme")).await,
        accepted("acme")
    );
    assert_eq!(directory.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn every_well_formed_tenant_is_taken_where_that_was_said() {
    let layer = TenantLayer::builder().header(HEADER).accept_unknown();
    let app = app(layer);
    assert_eq!(
        answer(&app, request().header(HEADER, "made-up")).await,
        accepted("made-up")
    );
    assert_eq!(
        status(&app, request().header(HEADER, "Made-Up")).await,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn refusals_are_problem_documents_unless_told_otherwise() {
    let body = || request().body(Body::empty()).unwrap();
    let response = app(by_header()).oneshot(body()).await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");

    let own = by_header().rejection(|rejection| {
        assert!(matches!(rejection, TenantRejection::Absent { .. }));
        let mut response = Response::new(format!("no: {}", rejection.status()));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    });
    let (status, body) = answer(&app(own), request()).await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::IM_A_TEAPOT, "no: 400 Bad Request")
    );
}

#[tokio::test]
async fn caches_on_the_way_are_told_that_the_header_decides() {
    let vary = async |layer: TenantLayerBuilder, name: Option<&str>| {
        let mut request = request();
        if let Some(name) = name {
            request = request.header(HEADER, name);
        }
        let request = request.header(HOST, "acme.example.com").body(Body::empty());
        let response = app(layer).oneshot(request.unwrap()).await.unwrap();
        response
            .headers()
            .get(VARY)
            .map(|vary| vary.to_str().unwrap().to_owned())
    };
    let decided = Some("x-tenant-id".to_owned());
    assert_eq!(vary(by_header(), Some("acme")).await, decided);
    assert_eq!(vary(by_header(), Some("initech")).await, decided);
    assert_eq!(vary(by_header(), None).await, decided);
    assert_eq!(vary(layer().host("example.com"), None).await, None);
}

#[tokio::test]
async fn a_tenant_ends_with_its_request() {
    let app = app(by_header());
    assert_eq!(
        answer(&app, request().header(HEADER, "acme")).await,
        accepted("acme")
    );
    assert!(Tenant::current().is_err());
    // Nor does a tenant around the router help a request without one.
    let inside = Tenant::scope(tenant("acme"), status(&app, request())).await;
    assert_eq!(inside, StatusCode::BAD_REQUEST);
}

#[test]
fn a_layer_that_could_not_tell_tenants_is_not_made() {
    let problems = |builder: TenantLayerBuilder| -> Vec<_> {
        builder.build().unwrap_err().iter().cloned().collect()
    };
    assert_eq!(
        problems(TenantLayer::builder()),
        [TenantLayerError::NoResolver, TenantLayerError::NoDirectory]
    );
    assert_eq!(
        problems(TenantLayer::builder().header(HEADER)),
        [TenantLayerError::NoDirectory]
    );
    assert_eq!(
        problems(by_header().directory(known(&["acme"]))),
        [TenantLayerError::TwoDirectories]
    );
    let respond = |_: &TenantRejection| Response::new(String::new());
    assert_eq!(
        problems(by_header().rejection(respond).rejection(respond)),
        [TenantLayerError::TwoRejections]
    );
    assert!(matches!(
        problems(layer().header("x tenant\n").host("*.example.com"))[..],
        [
            TenantLayerError::InvalidHeader { .. },
            TenantLayerError::InvalidBaseDomain { .. }
        ]
    ));
    let message = layer()
        .header("x tenant\n")
        .build()
        .unwrap_err()
        .to_string();
    assert!(message.starts_with(r"`x tenant\n` cannot be"), "{message}");
}

#[tokio::test]
async fn a_service_that_works_before_its_future_is_polled_has_the_tenant() {
    let inner = tower::service_fn(|_: Request<()>| {
        let seen = Tenant::current();
        std::future::ready(seen.map(|tenant| Response::new(tenant.to_string())))
    });
    let service = tower::Layer::layer(&by_header().build().unwrap(), inner);
    let request = request().header(HEADER, "acme").body(()).unwrap();
    assert_eq!(service.oneshot(request).await.unwrap().body(), "acme");
}

/// Panics when it is called without having said that it is ready; a clone has not said so.
#[derive(Default)]
struct Strict {
    is_ready: bool,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl tower::Service<Request<()>> for Strict {
    type Response = Response<String>;
    type Error = std::convert::Infallible;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called before it was ready"
        );
        std::future::ready(Ok(Response::default()))
    }
}

#[tokio::test]
async fn the_service_that_said_it_is_ready_is_the_one_that_is_called() {
    let mut service = tower::Layer::layer(&by_header().build().unwrap(), Strict::default());
    for _ in 0..2 {
        let request = request().header(HEADER, "acme").body(()).unwrap();
        let response = tower::Service::call(service.ready().await.unwrap(), request).await;
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
}
