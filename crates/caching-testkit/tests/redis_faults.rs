//! A server that is paused, killed, flushed, and comes back.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use caching_testkit::{RedisServer, RedisServerError, RedisSnapshot};
use support::{Wire, refuses};

async fn set(server: &RedisServer, value: &str) {
    server.command(["SET", "a", value]).await.unwrap();
}

async fn get(server: &RedisServer) -> Option<String> {
    let reply = server.command(["GET", "a"]).await.unwrap();
    reply.text().map(str::to_owned)
}

#[tokio::test]
async fn a_paused_server_answers_nobody_and_everything_afterwards() {
    let server = RedisServer::builder()
        .time_limit(Duration::from_secs(2))
        .start()
        .await
        .unwrap();
    let mut wire = Wire::connect(server.address()).await;
    assert_eq!(wire.ask("PING").await, "+PONG");

    server.pause().unwrap();
    assert!(server.is_running());
    wire.send("PING").await;
    let silence = tokio::time::timeout(Duration::from_millis(200), wire.line()).await;
    assert!(silence.is_err(), "{silence:?}");
    let began = Instant::now();
    let asked = server.command(["PING"]).await;
    assert!(matches!(asked, Err(RedisServerError::Io(_))), "{asked:?}");
    assert!(began.elapsed() >= Duration::from_secs(2));

    server.resume().unwrap();
    assert_eq!(wire.line().await.unwrap(), "+PONG");
}

#[tokio::test]
async fn a_killed_server_is_down_until_it_is_restarted_on_the_same_port() {
    let mut server = RedisServer::start().await.unwrap();
    set(&server, "1").await;
    let (port, before) = (server.port(), server.run_id().unwrap().to_owned());
    let mut wire = Wire::connect(server.address()).await;

    server.kill();
    assert!(wire.line().await.is_err());
    assert!(refuses(server.address()).await);
    assert!(!server.is_running());
    assert_eq!((server.run_id(), server.process_id()), (None, None));
    for failed in [
        server.command(["PING"]).await.map(drop),
        server.pause(),
        server.resume(),
        server.shut_down().await,
    ] {
        assert!(matches!(failed, Err(RedisServerError::NotRunning)));
    }

    server.restart().await.unwrap();
    assert_eq!(server.port(), port);
    assert_ne!(server.run_id(), Some(&*before));
    assert_eq!(get(&server).await, None);
}

#[tokio::test]
async fn a_restart_from_a_snapshot_brings_the_past_back() {
    let mut server = RedisServer::start().await.unwrap();
    set(&server, "old").await;
    let snapshot = server.snapshot().await.unwrap();
    set(&server, "new").await;

    server.restart_from_snapshot(&snapshot).await.unwrap();
    assert_eq!(get(&server).await.as_deref(), Some("old"));
    // And again: the snapshot is not used up.
    server.restart_empty().await.unwrap();
    assert_eq!(get(&server).await, None);
    server.restart_from_snapshot(&snapshot).await.unwrap();
    assert_eq!(get(&server).await.as_deref(), Some("old"));

    let other = RedisServer::builder().snapshot(&snapshot).start();
    assert_eq!(get(&other.await.unwrap()).await.as_deref(), Some("old"));
}

#[tokio::test]
async fn an_append_only_server_loses_nothing_by_a_kill() {
    let mut server = RedisServer::builder().append_only().start().await.unwrap();
    set(&server, "1").await;
    server.kill();
    server.restart().await.unwrap();
    assert_eq!(get(&server).await.as_deref(), Some("1"));
    server.restart_empty().await.unwrap();
    assert_eq!(get(&server).await, None);
}

#[tokio::test]
async fn an_append_only_server_takes_a_snapshot_and_keeps_what_comes_after_it() {
    let mut server = RedisServer::builder().append_only().start().await.unwrap();
    set(&server, "old").await;
    let snapshot = server.snapshot().await.unwrap();
    set(&server, "new").await;
    server.restart_from_snapshot(&snapshot).await.unwrap();
    assert_eq!(get(&server).await.as_deref(), Some("old"));
    // It keeps a log again, on top of the snapshot.
    set(&server, "newest").await;
    server.restart().await.unwrap();
    assert_eq!(get(&server).await.as_deref(), Some("newest"));
}

#[tokio::test]
async fn a_server_that_is_set_up_to_saves_when_it_is_shut_down_even_if_paused() {
    let mut server = RedisServer::builder()
        .directive("save", "3600 1")
        .start()
        .await
        .unwrap();
    set(&server, "1").await;
    server.pause().unwrap();
    let shut_down = tokio::time::timeout(support::SOON, server.shut_down()).await;
    shut_down.expect("a process that ends").unwrap();
    assert!(!server.is_running());
    server.restart().await.unwrap();
    assert_eq!(get(&server).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_flushed_server_is_the_same_one_with_nothing_in_it() {
    let server = RedisServer::start().await.unwrap();
    set(&server, "1").await;
    server.flush_all().await.unwrap();
    assert_eq!(get(&server).await, None);
    let info = server.info("server").await.unwrap();
    assert_eq!(info.get("run_id"), server.run_id());
}

#[tokio::test]
async fn a_snapshot_that_is_none_is_refused_by_the_server_and_the_next_restart_works() {
    let mut server = RedisServer::start().await.unwrap();
    let broken = RedisSnapshot::from_rdb(b"REDIS0010 and then nothing of the kind");
    let restarted = server.restart_from_snapshot(&broken).await;
    assert!(
        matches!(restarted, Err(RedisServerError::Ended { .. })),
        "{restarted:?}"
    );
    assert!(!server.is_running());
    server.restart_empty().await.unwrap();
    assert_eq!(get(&server).await, None);
}

#[tokio::test]
async fn a_port_that_was_taken_meanwhile_is_named() {
    let mut server = RedisServer::start().await.unwrap();
    server.kill();
    let taken = std::net::TcpListener::bind(server.address()).unwrap();
    match server.restart().await {
        Err(RedisServerError::PortTaken { port }) => assert_eq!(port, server.port()),
        other => panic!("{other:?}"),
    }
    drop(taken);
    server.restart().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn paused_time_does_not_run_while_a_server_is_asked() {
    let began = tokio::time::Instant::now();
    let server = RedisServer::start().await.unwrap();
    tokio::select! {
        biased;
        () = tokio::time::sleep(Duration::from_secs(1)) => panic!("the clock jumped"),
        asked = server.command(["PING"]) => assert_eq!(asked.unwrap().text(), Some("PONG")),
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}
