//! Routes, layers, health endpoints and the server: in process, and over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]
#![cfg(feature = "http")]

mod support;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app_host::{App, AppBuilder, ConfigFormat, Health, RunError};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::routing::{get, post};
use serde_json::{Value, json};
use support::{A, B, C, Testing, app, module};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
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

// Over real sockets from here on.

/// One request on a connection of its own; the whole answer.
async fn request(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn on_a_free_port(text: &str) -> AppBuilder {
    let text = format!("[server]\naddress = '127.0.0.1:0'\n{text}");
    app().config_str(ConfigFormat::Toml, text)
}

struct Serving {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    run: tokio::task::JoinHandle<Result<(), RunError>>,
}

async fn serve(builder: AppBuilder) -> Serving {
    let mut app = builder.build().await.unwrap();
    let address = app.bind().await.unwrap();
    let (stop, told) = oneshot::channel::<()>();
    let run = tokio::spawn(app.run_until(async {
        let _ = told.await;
    }));
    Serving {
        address,
        stop: Some(stop),
        run,
    }
}

impl Serving {
    fn tell_to_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Asks until the answer begins with this status.
    async fn until(&self, path: &str, status: u16) -> String {
        let expected = format!("HTTP/1.1 {status} ");
        let asked = async {
            loop {
                let answer = request(self.address, path).await;
                if answer.starts_with(&expected) {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked)
            .await
            .unwrap_or_else(|_| panic!("{path} never answers {status}"))
    }
}

/// A route that says when a request is inside and answers when the gate opens.
fn slow_route(entered: &Arc<Notify>, gate: &Arc<Notify>) -> Testing<A> {
    let (entered, gate) = (Arc::clone(entered), Arc::clone(gate));
    module::<A>("slow").configure(move |cx| {
        let (entered, gate) = (Arc::clone(&entered), Arc::clone(&gate));
        let route = get(move || async move {
            entered.notify_one();
            gate.notified().await;
            "done"
        });
        cx.routes(|_| Ok(Router::new().route("/slow", route)));
        Ok(())
    })
}

#[tokio::test]
async fn the_socket_answers_while_modules_start() {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let builder = on_a_free_port("").with_module(module::<A>("slow").start(move |_| {
        let gate = Arc::clone(&opened);
        async move {
            gate.notified().await;
            Ok(())
        }
    }));
    let mut serving = serve(builder).await;
    let answer = serving.until("/health/ready", 503).await;
    assert!(answer.contains(r#""status":"starting""#), "{answer}");
    gate.notify_one();
    serving.until("/health/ready", 200).await;
    serving.tell_to_stop();
    serving.run.await.unwrap().unwrap();
    assert!(
        TcpStream::connect(serving.address).await.is_err(),
        "the socket is closed"
    );
}

#[tokio::test]
async fn a_running_request_ends_well_while_readiness_says_503_and_modules_stop_after_it() {
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let diary = support::Diary::default();
    let in_stop = diary.clone();
    let builder = on_a_free_port("")
        .with_module(slow_route(&entered, &gate).stop(move |_| {
            in_stop.write("stopped");
            async { Ok(()) }
        }))
        .with_module(with_route::<B>("fast", "/fast"))
        .with_module(module::<C>("metrics").configure(|cx| {
            cx.open_routes(|_| Ok(Router::new().route("/metrics", get(async || "numbers"))));
            Ok(())
        }));
    let mut serving = serve(builder).await;
    serving.until("/health/ready", 200).await;
    let slow = tokio::spawn(request(serving.address, "/slow"));
    entered.notified().await;

    serving.tell_to_stop();
    let answer = serving.until("/health/ready", 503).await;
    assert!(answer.contains(r#""status":"stopping""#), "{answer}");
    serving.until("/fast", 503).await;
    serving.until("/metrics", 200).await;
    assert!(diary.lines().is_empty(), "modules wait for the request");

    gate.notify_one();
    let answer = slow.await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("done"),
        "{answer}"
    );
    serving.run.await.unwrap().unwrap();
    assert_eq!(diary.lines(), ["stopped"]);
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_off_at_the_drain_deadline() {
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let builder =
        on_a_free_port("drain_deadline = '50ms'").with_module(slow_route(&entered, &gate));
    let mut serving = serve(builder).await;
    serving.until("/health/ready", 200).await;
    let slow = tokio::spawn(request(serving.address, "/slow"));
    entered.notified().await;
    let began = std::time::Instant::now();
    serving.tell_to_stop();
    serving.run.await.unwrap().unwrap();
    // Far below the default of 20 s, far above the 50 ms that were set.
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(slow.await.unwrap(), "", "cut off");
}

#[tokio::test]
async fn requests_are_still_taken_during_the_drain_delay() {
    let builder = on_a_free_port("drain_delay = '2s'").with_module(with_route::<A>("a", "/a"));
    let mut serving = serve(builder).await;
    serving.until("/a", 200).await;
    serving.tell_to_stop();
    serving.until("/health/ready", 503).await;
    let half = std::time::Instant::now() + Duration::from_millis(500);
    while std::time::Instant::now() < half {
        let answer = request(serving.address, "/a").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    serving.run.await.unwrap().unwrap();
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_stop() {
    let mut serving = serve(on_a_free_port("").with_module(with_route::<A>("a", "/a"))).await;
    serving.until("/a", 200).await;
    let mut fresh = TcpStream::connect(serving.address).await.unwrap();
    let mut used = TcpStream::connect(serving.address).await.unwrap();
    used.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    used.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    let began = std::time::Instant::now();
    serving.tell_to_stop();
    serving.run.await.unwrap().unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(fresh.read(&mut [0; 8]).await.unwrap_or(0), 0, "closed");
}

#[tokio::test]
async fn a_client_that_is_slow_with_its_head_is_let_go() {
    let mut serving =
        serve(on_a_free_port("header_timeout = '50ms'").with_module(with_route::<A>("a", "/a")))
            .await;
    let mut slow = TcpStream::connect(serving.address).await.unwrap();
    slow.write_all(b"GET /a HTTP/1.1\r\nHos").await.unwrap();
    let mut answer = Vec::new();
    let closed = slow.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .expect("closed")
        .ok();
    serving.tell_to_stop();
    serving.run.await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_free_slot() {
    let (entered, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let builder = on_a_free_port("max_connections = 1").with_module(slow_route(&entered, &gate));
    let mut serving = serve(builder).await;
    serving.until("/health/ready", 200).await;
    let slow = tokio::spawn(request(serving.address, "/slow"));
    entered.notified().await;
    let mut second = tokio::spawn(request(serving.address, "/health/live"));
    let waited = tokio::time::timeout(Duration::from_millis(100), &mut second).await;
    assert!(waited.is_err(), "there is no slot for it");
    gate.notify_one();
    assert!(slow.await.unwrap().ends_with("done"));
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200 "));
    serving.tell_to_stop();
    serving.run.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_handler_that_panics_answers_500_and_the_next_request_is_served() {
    let builder = on_a_free_port("")
        .with_module(module::<A>("a").configure(|cx| {
            let route = get(async || -> &'static str { panic!("oh no") });
            cx.routes(|_| Ok(Router::new().route("/panics", route)));
            Ok(())
        }))
        .with_module(with_route::<B>("b", "/b"));
    let mut serving = serve(builder).await;
    let answer = serving.until("/panics", 500).await;
    assert!(!answer.contains("oh no"), "{answer}");
    serving.until("/b", 200).await;
    serving.tell_to_stop();
    serving.run.await.unwrap().unwrap();
}

#[tokio::test]
async fn handlers_learn_the_address_of_the_client() {
    let builder = on_a_free_port("").with_module(module::<A>("a").configure(|cx| {
        let route =
            get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() });
        cx.routes(|_| Ok(Router::new().route("/me", route)));
        Ok(())
    }));
    let mut serving = serve(builder).await;
    assert!(serving.until("/me", 200).await.ends_with("127.0.0.1"));
    serving.tell_to_stop();
    serving.run.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it_and_its_setting() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = holder.local_addr().unwrap();
    let diary = support::Diary::default();
    let app = app()
        .config_str(ConfigFormat::Toml, format!("server.address = '{address}'"))
        .with_module(module::<A>("a").in_diary(&diary))
        .build()
        .await
        .unwrap();
    let error = format!("{:?}", app.run().await.unwrap_err());
    assert!(
        error.starts_with(&format!(
            "cannot listen on `{address}`, the value of `server.address` in given text 2; "
        )),
        "{error}"
    );
    assert!(
        error.to_lowercase().contains("address already in use"),
        "{error}"
    );
    assert!(diary.lines().is_empty(), "nothing was started");
}

#[tokio::test]
async fn something_that_is_no_address_is_an_error_not_a_panic() {
    for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999"] {
        let text = format!("server.address = '{address}'");
        let app = app()
            .config_str(ConfigFormat::Toml, text)
            .build()
            .await
            .unwrap();
        let error = app.run_until(pending()).await.unwrap_err();
        assert!(matches!(error, RunError::Bind { .. }), "{error}");
    }
}

#[tokio::test]
async fn two_served_applications_share_nothing() {
    let one = on_a_free_port("").with_module(with_route::<A>("one", "/"));
    let two = on_a_free_port("").with_module(with_route::<A>("two", "/"));
    let (mut one, mut two) = (serve(one).await, serve(two).await);
    assert!(one.until("/", 200).await.ends_with("one"));
    assert!(two.until("/", 200).await.ends_with("two"));
    one.tell_to_stop();
    one.run.await.unwrap().unwrap();
    assert!(two.until("/", 200).await.ends_with("two"));
    two.tell_to_stop();
    two.run.await.unwrap().unwrap();
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
