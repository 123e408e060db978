//! The server, over real sockets: stops, limits and clients that misbehave.
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

use app_host::{AppBuilder, ConfigFormat, RunError};
use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use support::{A, B, C, Testing, app, module};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};

fn with_route<Id>(name: &'static str, path: &'static str) -> Testing<Id> {
    module::<Id>(name).configure(move |cx| {
        cx.routes(move |_| Ok(Router::new().route(path, get(move || async move { name }))));
        Ok(())
    })
}

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
