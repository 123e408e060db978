//! Routes, layers and health endpoints, asked in process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]
#![cfg(feature = "http")]

mod support;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use app_host::{App, AppBuilder, ConfigFormat, Health};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::routing::{get, post};
use serde_json::{Value, json};
use support::{A, B, C, Testing, app, module};
use tokio::sync::Notify;
use tower::ServiceExt;

fn with_route<Id>(name: &'static str, path: &'static str) -> Testing<Id> {
    module::<Id>(name).configure(move |cx| {
        cx.routes(move |_| Ok(Router::new().route(path, get(move || async move { name }))));
        Ok(())
    })
}

async fn ask(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn ready(router: &Router) -> (StatusCode, Value) {
    let (status, body) = ask(router, "/health/ready").await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn started(builder: AppBuilder) -> App {
    let app = builder.build().await.unwrap();
    app.start().await.unwrap();
    app
}

#[tokio::test]
async fn routes_of_all_modules_answer_without_a_socket() {
    let app = started(
        app()
            .with_module(with_route::<A>("a", "/a"))
            .with_module(with_route::<B>("b", "/b")),
    )
    .await;
    let router = app.router();
    assert_eq!(ask(&router, "/a").await, (StatusCode::OK, "a".into()));
    assert_eq!(ask(&router, "/b").await, (StatusCode::OK, "b".into()));
    assert_eq!(ask(&router, "/c").await.0, StatusCode::NOT_FOUND);
    app.stop().await;
}

#[tokio::test]
async fn routes_answer_503_before_the_start_and_after_the_stop() {
    let app = app()
        .with_module(with_route::<A>("a", "/a"))
        .build()
        .await
        .unwrap();
    let router = app.router();
    let (status, body) = ask(&router, "/a").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["status"], 503);
    assert_eq!(
        problem["detail"],
        "the application has not been started; call `App::start` first"
    );
    app.start().await.unwrap();
    assert_eq!(ask(&router, "/a").await.0, StatusCode::OK);
    app.stop().await;
    assert_eq!(ask(&router, "/a").await.0, StatusCode::SERVICE_UNAVAILABLE);
    drop(app);
    assert_eq!(ask(&router, "/a").await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready(&router).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

/// Marks what it wraps: `outer(inner(text))`.
fn wrapping<Id>(name: &'static str) -> Testing<Id> {
    module::<Id>(name).configure(move |cx| {
        cx.layer(move |_, router| {
            Ok(router.layer(from_fn(move |request, next: Next| async move {
                let inner = next.run(request).await;
                let body = to_bytes(inner.into_body(), usize::MAX).await.unwrap();
                format!("{name}({})", String::from_utf8_lossy(&body))
            })))
        });
        Ok(())
    })
}

#[tokio::test]
async fn layers_wrap_the_routes_of_all_modules_but_no_open_ones_and_the_first_is_outermost() {
    let app = started(
        app()
            .with_module(with_route::<A>("a", "/a"))
            .with_module(wrapping::<B>("outer"))
            .with_module(wrapping::<C>("inner"))
            .with_module(module::<u8>("metrics").configure(|cx| {
                cx.open_routes(
                    |_| Ok(Router::new().route("/metrics", get(|| async { "numbers" }))),
                );
                Ok(())
            })),
    )
    .await;
    let router = app.router();
    assert_eq!(ask(&router, "/a").await.1, "outer(inner(a))");
    assert_eq!(ask(&router, "/metrics").await.1, "numbers");
    assert_eq!(
        ask(&router, "/unknown").await,
        (StatusCode::NOT_FOUND, String::new())
    );
    assert_eq!(ready(&router).await.0, StatusCode::OK);
    app.stop().await;
    assert_eq!(
        ask(&router, "/metrics").await.1,
        "numbers",
        "open at any time"
    );
}

#[tokio::test]
async fn a_fallback_of_a_module_answers_unknown_paths() {
    let app = started(app().with_module(module::<A>("a").configure(|cx| {
        cx.routes(|_| Ok(Router::new().fallback(|| async { "mine" })));
        Ok(())
    })))
    .await;
    assert_eq!(ask(&app.router(), "/unknown").await.1, "mine");
    assert_eq!(ready(&app.router()).await.0, StatusCode::OK);
}

#[tokio::test]
async fn readiness_is_503_while_a_module_starts_and_names_the_state_of_each() {
    let (reached, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (at_gate, opened) = (Arc::clone(&reached), Arc::clone(&gate));
    let app = app()
        .with_module(module::<A>("database"))
        .with_module(module::<B>("cache").start(move |_| {
            let (reached, gate) = (Arc::clone(&at_gate), Arc::clone(&opened));
            async move {
                reached.notify_one();
                gate.notified().await;
                Ok(())
            }
        }))
        .with_module(with_route::<C>("invoices", "/invoices"))
        .with_module(module::<u8>("redis").disabled("no `redis.url` is set"))
        .build()
        .await
        .unwrap();
    let app = Arc::new(app);
    let router = app.router();
    let starting = tokio::spawn({
        let app = Arc::clone(&app);
        async move { app.start().await }
    });
    reached.notified().await;

    let (status, body) = ready(&router).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        body,
        json!({
            "status": "starting",
            "modules": [
                { "name": "database", "state": "started" },
                { "name": "cache", "state": "starting" },
                { "name": "invoices", "state": "waiting" },
                { "name": "redis", "state": "disabled", "reason": "no `redis.url` is set" },
            ],
            "checks": [],
        })
    );
    assert_eq!(ask(&router, "/health/live").await.0, StatusCode::OK);
    assert_eq!(
        ask(&router, "/invoices").await.0,
        StatusCode::SERVICE_UNAVAILABLE
    );

    gate.notify_one();
    starting.await.unwrap().unwrap();
    assert_eq!(ready(&router).await.0, StatusCode::OK);
    assert_eq!(ask(&router, "/invoices").await.0, StatusCode::OK);
}

fn checked(health: Health) -> AppBuilder {
    app().with_module(module::<A>("redis").configure(move |cx| {
        let health = health.clone();
        cx.health_check("l2", move |_| {
            let health = health.clone();
            async move { health }
        });
        Ok(())
    }))
}

#[tokio::test]
async fn readiness_is_the_worst_of_the_health_checks() {
    let cases = [
        (Health::Up, StatusCode::OK, "up", None),
        (
            Health::degraded("away"),
            StatusCode::OK,
            "degraded",
            Some("away"),
        ),
        (
            Health::down("lost"),
            StatusCode::SERVICE_UNAVAILABLE,
            "down",
            Some("lost"),
        ),
    ];
    for (health, expected, state, detail) in cases {
        let app = started(checked(health)).await;
        let (status, body) = ready(&app.router()).await;
        assert_eq!(status, expected);
        assert_eq!(body["status"], state);
        let check = &body["checks"][0];
        assert_eq!(check["name"], "l2");
        assert_eq!(check["module"], "redis");
        assert_eq!(check["state"], state);
        assert_eq!(check.get("detail").and_then(Value::as_str), detail);
    }
}

#[tokio::test(start_paused = true)]
async fn a_health_check_that_hangs_or_panics_is_down_and_delays_no_other() {
    let app = started(app().with_module(module::<A>("a").configure(|cx| {
        cx.health_check("hangs", |_| pending());
        cx.health_check("panics", |_| async { panic!("oh no") });
        cx.health_check("panics at once", |_| -> std::future::Ready<Health> {
            panic!("oh")
        });
        cx.health_check("works", |_| async { Health::Up });
        Ok(())
    })))
    .await;
    let began = tokio::time::Instant::now();
    let report = app.health().await;
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    let states: Vec<_> = report
        .checks()
        .iter()
        .map(|check| (check.name.as_str(), check.state, check.detail.as_deref()))
        .collect();
    assert_eq!(
        states,
        [
            ("hangs", "down", Some("no answer within 1s")),
            ("panics", "down", Some("panicked: oh no")),
            ("panics at once", "down", Some("panicked: oh")),
            ("works", "up", None),
        ]
    );
    assert!(!report.is_ready());
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let app = started(
        app()
            .config_str(ConfigFormat::Toml, "server.body_limit = '1KiB'")
            .with_module(module::<A>("a").configure(|cx| {
                let route = post(|body: Bytes| async move { body.len().to_string() });
                cx.routes(|_| Ok(Router::new().route("/", route)));
                Ok(())
            })),
    )
    .await;
    for (length, expected) in [
        (1024, StatusCode::OK),
        (1025, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let request = Request::post("/")
            .body(Body::from(vec![0; length]))
            .unwrap();
        let response = app.router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), expected);
    }
}

#[tokio::test]
async fn into_router_starts_and_hands_over_what_stops() {
    let diary = support::Diary::default();
    let app = app()
        .with_module(module::<A>("a").in_diary(&diary))
        .with_module(with_route::<B>("b", "/b"))
        .build()
        .await
        .unwrap();
    let (router, running) = app.into_router().await.unwrap();
    let router = Router::new()
        .route("/mine", get(|| async { "mine" }))
        .merge(router);
    assert_eq!(ask(&router, "/mine").await.1, "mine");
    assert_eq!(ask(&router, "/b").await.1, "b");
    running.begin_draining();
    assert_eq!(ready(&router).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&router, "/b").await.0, StatusCode::OK, "still served");
    assert!(running.stop().await.is_clean());
    assert_eq!(diary.lines(), ["start a", "stop a"]);
}

#[tokio::test]
async fn a_problem_answer_asks_to_try_again() {
    let app = app()
        .with_module(with_route::<A>("a", "/a"))
        .build()
        .await
        .unwrap();
    let request = Request::get("/a").body(Body::empty()).unwrap();
    let response = app.router().oneshot(request).await.unwrap();
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
}
