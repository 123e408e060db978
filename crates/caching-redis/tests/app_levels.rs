//! Both levels together, in applications over a real server.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use app_support::*;
use caching_core::{CacheKey, EntryOptions, Outcome};
use caching_testkit::RedisServer;
use serde::{Deserialize, Serialize};

const RECORD: &str = "{shop}:shared:plain:a";

#[tokio::test]
async fn what_another_pod_loaded_comes_from_redis_and_has_the_life_that_is_left() {
    let server = RedisServer::start().await.unwrap();
    let settings = "cache.defaults.duration = \"3s\"\ncache.defaults.fail_safe = false";
    let (one, source) = (Pod::with(&server, settings).await, Source::of(1));
    let begun = Instant::now();
    assert!(matches!(
        one.read("a", &source).await,
        (1, Outcome::Miss { stored: true, .. })
    ));
    stored(&server, RECORD).await;

    // A pod that starts keeps nothing: its L1 is as good as dropped.
    let two = Pod::with(&server, settings).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(two.read("a", &source).await, (1, L2_HIT));
    assert_eq!(two.read("a", &source).await, (1, L1_HIT));
    assert_eq!(source.runs(), 1);
    until("it ends", async || two.read("a", &source).await.1 != L1_HIT).await;
    let lived = begun.elapsed();
    let is_what_was_left =
        lived >= Duration::from_millis(2900) && lived < Duration::from_millis(4100);
    assert!(is_what_was_left, "it lived for {lived:?}");
}

#[tokio::test]
async fn redis_that_goes_while_the_factory_runs_costs_the_caller_nothing() {
    let mut server = RedisServer::start().await.unwrap();
    let pod = Pod::start(&server).await;
    let (begun, is_begun) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = tokio::sync::oneshot::channel::<()>();
    let cache = (*pod).clone();
    let reading = tokio::spawn(async move {
        let factory = |_| async move {
            begun.send(()).unwrap();
            may_go_on.await.unwrap();
            Ok::<_, Infallible>(7_u64)
        };
        cache.get_or_set("a", factory).await
    });
    is_begun.await.unwrap();
    server.kill();
    go_on.send(()).unwrap();
    assert_eq!(*reading.await.unwrap().unwrap(), 7);
    assert!(pod.keeps("a"), "L1 has it");
}

#[tokio::test]
async fn a_read_that_redis_fails_is_a_miss_or_the_stale_value_that_is_here() {
    let mut server = RedisServer::start().await.unwrap();
    let settings = "cache.defaults.duration = \"300ms\"";
    let (pod, source) = (Pod::with(&server, settings).await, Source::of(1));
    pod.read("a", &source).await;
    server.kill();
    source.write(2);
    let (value, outcome) = pod.read("b", &source).await;
    assert_eq!(value, 2);
    assert!(!outcome.is_hit());
    // What is here is past its duration soon, Redis is away, and then the source, too.
    source.break_down();
    until("it is given as a stale one", async || {
        pod.read("a", &source).await == (1, STALE)
    })
    .await;
    assert!(
        pod.stats().l2_failures + pod.stats().failed_polls > 0,
        "{:?}",
        pod.stats()
    );
}

#[tokio::test]
async fn after_failures_redis_is_left_alone_and_then_tried_again() {
    let server = RedisServer::start().await.unwrap();
    let pod = Pod::with(
        &server,
        r#"
        cache.l2.breaker_failures = 2
        cache.l2.breaker_pause = "400ms"
        cache.l2.read_soft_limit = "50ms"
        cache.l2.read_hard_limit = "50ms"
        cache.l2.write_limit = "50ms"
        cache.coherence.bound = "10s"
        "#,
    )
    .await;
    let source = Source::of(1);
    let is_left_alone = || pod.shared_status().unwrap().is_left_alone;
    server.pause().unwrap();
    let mut cold = (0..).map(|number| format!("cold-{number}"));
    let mut read_cold = async || pod.read(&cold.next().unwrap(), &source).await;
    read_cold().await;
    read_cold().await;
    assert!(is_left_alone());
    // Each one would be waited for by its caller for 50 ms.
    let begun = Instant::now();
    for _ in 0..5 {
        read_cold().await;
    }
    let took = begun.elapsed();
    assert!(
        took < Duration::from_millis(200),
        "they waited for {took:?}"
    );
    server.resume().unwrap();
    until("it is used again", async || {
        read_cold().await;
        !is_left_alone()
    })
    .await;
}

#[tokio::test]
async fn a_value_that_skips_redis_stays_private() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    let source = Source::of(1);
    let private = EntryOptions::new().l2_write(false);
    one.get_or_set("a", source.load())
        .options(private)
        .await
        .unwrap();
    assert_eq!(one.read("a", &source).await, (1, L1_HIT));
    assert!(!two.read("a", &source).await.1.is_hit());
    assert_eq!(source.runs(), 2);
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Basket {
    name: String,
    lines: BTreeMap<u32, Option<f64>>,
    nested: Vec<(bool, char)>,
}

fn basket() -> Basket {
    Basket {
        name: "\u{0}\"ä\u{1f980}".to_owned(),
        lines: BTreeMap::from([(1, None), (2, Some(-0.5))]),
        nested: vec![(true, 'x')],
    }
}

/// Loads a value through one pod; the other one finds it without a factory.
async fn travels<V>(server: &RedisServer, [one, two]: &[Pod; 2], key: &str, value: V)
where
    V: Clone + PartialEq + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let loaded = value.clone();
    let load = move |_| async { Ok::<_, Infallible>(loaded) };
    one.get_or_set(key, load).await.unwrap();
    stored(server, &format!("{{shop}}:shared:plain:{key}")).await;
    let none = |_| async { Err::<V, _>(std::io::Error::other("it is not there")) };
    let found = two.get_or_set(key, none).detailed().await.unwrap();
    assert!(*found.value == value, "{key}");
    assert_eq!(found.outcome, L2_HIT, "{key}");
}

#[tokio::test]
async fn values_of_all_shapes_and_sizes_are_read_as_they_were_written() {
    let server = RedisServer::start().await.unwrap();
    let settings = "cache.payload_limit = \"16MiB\"";
    let pods = [
        Pod::with(&server, settings).await,
        Pod::with(&server, settings).await,
    ];
    travels(&server, &pods, "text", String::from("a text")).await;
    travels(&server, &pods, "empty", String::new()).await;
    travels(&server, &pods, "struct", basket()).await;
    travels(&server, &pods, "blob", vec![0xA5_u8; 100 * 1024]).await;
    travels(
        &server,
        &pods,
        "long",
        (0..1_048_576_u32).collect::<Vec<_>>(),
    )
    .await;
    travels(&server, &pods, "nothing", Vec::<u8>::new()).await;

    let [one, two] = &pods;
    let none = |_| async { Ok::<Option<u64>, Infallible>(None) };
    assert_eq!(one.get_or_set_optional("none", none).await.unwrap(), None);
    stored(&server, "{shop}:shared:plain:none").await;
    let some = |_| async { Ok::<_, Infallible>(Some(1_u64)) };
    assert_eq!(two.get_or_set_optional("none", some).await.unwrap(), None);
}

#[tokio::test]
async fn a_value_over_the_limit_is_kept_here_alone_and_counted() {
    let server = RedisServer::start().await.unwrap();
    let pod = Pod::with(&server, "cache.payload_limit = \"1KiB\"").await;
    let long = || "x".repeat(2_000);
    let factory = move |_| async move { Ok::<_, Infallible>(long()) };
    assert_eq!(*pod.get_or_set("a", factory).await.unwrap(), long());
    assert_eq!(
        pod.peek::<_, String>("a").unwrap().map(|kept| kept.len()),
        Some(2_000)
    );
    until("it is counted", async || pod.stats().l2_unshared == 1).await;
    assert!(!exists(&server, RECORD).await);
}

#[tokio::test]
async fn whatever_stands_in_a_record_is_a_miss_that_is_counted() {
    let server = RedisServer::start().await.unwrap();
    let (one, source) = (Pod::start(&server).await, Source::of(123_456));
    one.read("a", &source).await;
    stored(&server, RECORD).await;
    let fields = redis(&server, ["HKEYS", RECORD]).await;
    let mut fields = fields.items().iter().filter_map(|field| field.text());
    let field = fields.find(|field| field.starts_with("v:json.1")).unwrap();
    let reply = redis(&server, ["HGET", RECORD, field]).await;
    let value = reply.bytes().unwrap().to_vec();
    let mut flipped = value.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let damaged = [
        flipped,
        value[..value.len() - 1].to_vec(),
        Vec::new(),
        b"123456".to_vec(),
        vec![0xFF; 5_000],
        vec![b'x'; 3 << 20],
    ];
    for (number, bytes) in damaged.into_iter().enumerate() {
        let set: [&[u8]; 4] = [b"HSET", RECORD.as_bytes(), field.as_bytes(), &bytes];
        server.command(set).await.unwrap();
        let two = Pod::start(&server).await;
        let (read, outcome) = two.read("a", &source).await;
        assert_eq!(read, 123_456);
        assert!(!outcome.is_hit(), "damage {number} was read");
        assert!(
            two.stats().l2_unreadable > 0,
            "damage {number} was not counted"
        );
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NoteOfBefore {
    text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    lines: Vec<String>,
}

#[derive(CacheKey)]
#[cache_key(kind = "note", value = NoteOfBefore, template = "{id}")]
struct NoteOfBeforeKey {
    id: u64,
}

#[derive(CacheKey)]
#[cache_key(kind = "note", value = Note, template = "{id}", version = 2)]
struct NoteKey {
    id: u64,
}

#[tokio::test]
async fn two_versions_of_a_program_share_invalidations_and_no_bytes() {
    let server = RedisServer::start().await.unwrap();
    let pods = [Pod::start(&server).await, Pod::start(&server).await];
    let [before, after] = &pods;
    let load_before = || {
        |_| async {
            Ok::<_, Infallible>(NoteOfBefore {
                text: "a\nb".into(),
            })
        }
    };
    let load = || {
        |_| async {
            let lines = vec!["a".to_owned(), "b".to_owned()];
            Ok::<_, Infallible>(Note { lines })
        }
    };
    let record = "{shop}:shared:note:7";
    for round in 0..3 {
        let first = before
            .get_or_set(&NoteOfBeforeKey { id: 7 }, load_before())
            .detailed()
            .await
            .unwrap();
        let second = after
            .get_or_set(&NoteKey { id: 7 }, load())
            .detailed()
            .await
            .unwrap();
        assert!(
            !first.outcome.is_hit() && !second.outcome.is_hit(),
            "round {round}"
        );
        until("each has a field of its own", async || {
            let fields = redis(&server, ["HKEYS", record]).await;
            let fields: Vec<_> = fields
                .items()
                .iter()
                .filter_map(|field| field.text())
                .collect();
            fields.contains(&"v:json.1") && fields.contains(&"v:json.2")
        })
        .await;
        // Neither throws out the other's.
        let again = before
            .get_or_set(&NoteOfBeforeKey { id: 7 }, load_before())
            .detailed()
            .await
            .unwrap();
        assert_eq!(again.outcome, L1_HIT);
        // Whoever writes, both hear of it.
        if round % 2 == 0 {
            assert!(
                before
                    .remove(&NoteOfBeforeKey { id: 7 })
                    .await
                    .unwrap()
                    .is_applied()
            );
        } else {
            assert!(after.remove(&NoteKey { id: 7 }).await.unwrap().is_applied());
        }
        assert!(!exists(&server, record).await);
        until("both have dropped it", async || {
            before.peek(&NoteOfBeforeKey { id: 7 }).unwrap().is_none()
                && after.peek(&NoteKey { id: 7 }).unwrap().is_none()
        })
        .await;
    }
    for pod in &pods {
        assert_eq!(
            pod.stats().l2_unreadable,
            0,
            "nobody tried to read the other's"
        );
    }
}
