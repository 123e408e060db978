//! A server that is started, asked, and gone.
#![cfg(unix)]

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use caching_testkit::{RedisServer, RedisServerError};
use support::{is_alive, refuses};

#[tokio::test]
async fn a_server_answers_on_its_own_port_as_the_process_that_was_started() {
    let server = RedisServer::start().await.unwrap();
    let info = server.info("server").await.unwrap();
    assert_eq!(info.integer("tcp_port"), Some(server.port().into()));
    assert_eq!(info.get("run_id"), server.run_id());
    assert_eq!(info.get("redis_version"), server.version());
    assert_eq!(
        info.integer("process_id"),
        server.process_id().map(u64::from)
    );
    assert_eq!(
        server.url(),
        format!("redis://127.0.0.1:{}/", server.port())
    );
}

#[tokio::test]
async fn servers_that_start_together_are_apart() {
    let start = || tokio::spawn(RedisServer::start());
    let started: Vec<_> = (0..8).map(|_| start()).collect();
    let mut servers = Vec::new();
    for task in started {
        servers.push(task.await.unwrap().unwrap());
    }
    for (number, server) in servers.iter().enumerate() {
        let number = number.to_string();
        server.command(["SET", "me", &number]).await.unwrap();
    }
    for (number, server) in servers.iter().enumerate() {
        let reply = server.command(["GET", "me"]).await.unwrap();
        assert_eq!(reply.text(), Some(&*number.to_string()));
    }
}

#[tokio::test]
async fn any_bytes_are_stored_and_every_kind_of_answer_is_read() {
    let server = RedisServer::start().await.unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    let set = server.command([b"SET".as_slice(), b"k", &bytes]).await;
    assert_eq!(set.unwrap().text(), Some("OK"));
    let got = server.command(["GET", "k"]).await.unwrap();
    assert_eq!(got.bytes(), Some(&*bytes));
    assert!(server.command(["GET", "none"]).await.unwrap().is_nil());

    let script = "return {1, 'two', false, {redis.status_reply('three')}}";
    let reply = server.command(["EVAL", script, "0"]).await.unwrap();
    let [one, two, none, inner] = reply.items() else {
        panic!("{reply:?}");
    };
    assert_eq!((one.integer(), two.text()), (Some(1), Some("two")));
    assert!(none.is_nil());
    assert_eq!(inner.items()[0].text(), Some("three"));
}

#[tokio::test]
async fn a_refused_command_is_told_without_its_arguments() {
    let server = RedisServer::start().await.unwrap();
    let error = server
        .command(["SET", "secret"])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("SET was refused: ERR wrong number"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
}

#[tokio::test]
async fn calls_are_counted_by_command() {
    let server = RedisServer::start().await.unwrap();
    for _ in 0..3 {
        server.command(["GET", "a"]).await.unwrap();
    }
    let info = server.info("commandstats").await.unwrap();
    assert_eq!((info.calls("get"), info.calls("keys")), (3, 0));
}

#[tokio::test]
async fn passwords_and_rules_of_users_hold_and_the_kit_still_gets_in() {
    let server = RedisServer::builder()
        .password("pass \"word\"")
        .user("reader", "p:w", "~app:* +get")
        .start()
        .await
        .unwrap();
    assert!(
        server.url().contains(":pass%20%22word%22@"),
        "{}",
        server.url()
    );
    let url = server.url_as("reader", server.address()).unwrap();
    assert!(url.starts_with("redis://reader:p%3Aw@127.0.0.1:"), "{url}");
    assert_eq!(server.url_as("nobody", server.address()), None);

    let mut stranger = support::Wire::connect(server.address()).await;
    assert!(stranger.ask("GET a").await.starts_with("-NOAUTH"));
    assert!(
        stranger
            .ask("AUTH reader wrong")
            .await
            .starts_with("-WRONGPASS")
    );
    assert_eq!(stranger.ask("AUTH reader p:w").await, "+OK");
    assert_eq!(stranger.ask("GET app:a").await, "$-1");
    assert!(stranger.ask("GET other").await.starts_with("-NOPERM"));
    assert!(stranger.ask("SET app:a 1").await.starts_with("-NOPERM"));
    assert_eq!(stranger.ask(r#"AUTH default "pass \"word\"""#).await, "+OK");
    assert_eq!(stranger.ask("SET app:a 1").await, "+OK");
    assert_eq!(
        server.command(["GET", "app:a"]).await.unwrap().text(),
        Some("1")
    );
}

#[tokio::test]
async fn no_password_is_seen_in_debug_output() {
    let builder = RedisServer::builder()
        .password("hunter2")
        .user("reader", "hunter3", "+get");
    assert!(!format!("{builder:?}").contains("hunter"));
    let server = builder.start().await.unwrap();
    assert!(!format!("{server:?}").contains("hunter"));
}

#[tokio::test]
async fn directives_count() {
    let server = RedisServer::builder()
        .directive("maxmemory", "3mb")
        .directive("maxmemory-policy", "volatile-ttl")
        .directive("save", "3600 1 300 100")
        .start()
        .await
        .unwrap();
    let info = server.info("memory").await.unwrap();
    assert_eq!(info.integer("maxmemory"), Some(3 << 20));
    assert_eq!(info.get("maxmemory_policy"), Some("volatile-ttl"));
}

#[tokio::test]
async fn what_the_kit_relies_on_cannot_be_overruled() {
    let server = RedisServer::builder()
        .directive("port", "1")
        .directive("daemonize", "yes")
        .directive("dbfilename", "other.rdb")
        .start()
        .await
        .unwrap();
    server.command(["SET", "a", "1"]).await.unwrap();
    assert!(
        server
            .snapshot()
            .await
            .unwrap()
            .as_rdb()
            .starts_with(b"REDIS")
    );
}

#[tokio::test]
async fn a_directive_that_the_server_refuses_is_told_in_its_words() {
    let started = RedisServer::builder().directive("maxmemry", "1").start();
    match started.await {
        Err(RedisServerError::Ended { log }) => assert!(log.contains("maxmemry"), "{log}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_setting_cannot_smuggle_in_another_line() {
    let attempts = [
        RedisServer::builder().directive("maxmemory", "1\nport 1"),
        RedisServer::builder().directive("a\rb", "1"),
        RedisServer::builder().directive("maxmemory", ""),
        RedisServer::builder().user("a", "b", "+get\nport 1"),
        RedisServer::builder().user("a\nb", "c", "+get"),
    ];
    for builder in attempts {
        let error = builder.start().await.unwrap_err();
        assert!(
            matches!(error, RedisServerError::InvalidSetting { .. }),
            "{error}"
        );
    }
    // In a password there may be anything, since the kit quotes it.
    let server = RedisServer::builder().password("a\nport 1").start().await;
    assert!(server.is_ok(), "{server:?}");
}

#[tokio::test]
async fn a_replica_is_in_step_when_it_has_started() {
    let primary = RedisServer::builder()
        .password("secret")
        .start()
        .await
        .unwrap();
    primary.command(["SET", "a", "1"]).await.unwrap();
    let replica = RedisServer::builder()
        .replica_of(&primary)
        .start()
        .await
        .unwrap();
    assert_eq!(
        replica.command(["GET", "a"]).await.unwrap().text(),
        Some("1")
    );
    let refused = replica.command(["SET", "a", "2"]).await.unwrap_err();
    assert!(refused.to_string().contains("READONLY"), "{refused}");
}

#[tokio::test]
async fn a_server_that_does_not_get_ready_is_given_up_and_ended() {
    let nobody = RedisServer::start().await.unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let started = RedisServer::builder()
        .replica_through(&nobody, silent.local_addr().unwrap())
        .time_limit(Duration::from_millis(300))
        .start();
    match started.await {
        Err(RedisServerError::NotReady { waited, log }) => {
            assert!(waited >= Duration::from_millis(300));
            assert!(log.contains("MASTER"), "{log}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_named_program_that_is_none_is_an_error() {
    let started = RedisServer::builder().program("/bin/true").start().await;
    match started {
        Err(RedisServerError::Unusable { program, .. }) => {
            assert_eq!(program, Path::new("/bin/true"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_dropped_server_is_gone_at_once() {
    let server = RedisServer::start().await.unwrap();
    let (process, address) = (server.process_id().unwrap(), server.address());
    assert!(is_alive(process));
    drop(server);
    assert!(!is_alive(process));
    assert!(refuses(address).await);
}

#[tokio::test]
async fn a_paused_server_is_gone_too_when_it_is_dropped() {
    let server = RedisServer::start().await.unwrap();
    let process = server.process_id().unwrap();
    server.pause().unwrap();
    drop(server);
    assert!(!is_alive(process));
}

#[tokio::test]
async fn a_server_outlives_neither_a_panic_nor_the_start_that_is_given_up() {
    let task = tokio::spawn(async {
        let server = RedisServer::start().await.unwrap();
        std::panic::panic_any(server.process_id().unwrap());
    });
    let process = task.await.unwrap_err().into_panic().downcast().unwrap();
    assert!(!is_alive(*process));

    let mut server = RedisServer::start().await.unwrap();
    let restart = server.restart_empty();
    tokio::select! {
        biased;
        _ = restart => panic!("a process starts within one poll"),
        () = std::future::ready(()) => {}
    }
    assert!(!server.is_running());
    server.restart_empty().await.unwrap();
    assert!(server.is_running());
}
