//! What stands in Redis, read by applications: values of all shapes, damage, and two versions of a program.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::collections::BTreeMap;
use std::convert::Infallible;

use app_support::*;
use caching_core::CacheKey;
use caching_testkit::RedisServer;
use serde::{Deserialize, Serialize};

const RECORD: &str = "{shop}:shared:plain:a";

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
async fn whatever_stands_in_a_record_is_a_miss_that_is_counted_and_logged_without_the_value() {
    const SECRET: &str = "a secret basket";
    let lines = Lines::listen();
    let server = RedisServer::start().await.unwrap();
    let one = Pod::start(&server).await;
    let load = || |_| async { Ok::<_, Infallible>(SECRET.to_owned()) };
    one.get_or_set("a", load()).await.unwrap();
    stored(&server, RECORD).await;
    let whole = server.record(RECORD).await.unwrap().unwrap();
    let value = whole.segment("json.1").unwrap().payload.clone();
    assert!(String::from_utf8_lossy(&value).contains(SECRET));
    let changed = |place: usize, byte: u8| {
        let mut value = value.clone();
        value[place] = byte;
        value
    };
    let last = value.len() - 1;
    let damaged = [
        ("flipped", changed(last, value[last] ^ 1)),
        ("truncated", value[..last].to_vec()),
        ("empty", Vec::new()),
        ("another version", changed(1, 9)),
        ("unknown flags", changed(2, 0x80)),
        ("another codec", changed(4, b'y')),
        (
            "foreign",
            format!("{{\"basket\":\"{SECRET}\"}}").into_bytes(),
        ),
        ("bytes", vec![0xFF; 5_000]),
        ("oversized", vec![b'x'; 3 << 20]),
    ];
    for (damage, bytes) in damaged {
        let mut record = server.record(RECORD).await.unwrap().unwrap();
        record.segment_mut("json.1").unwrap().payload = bytes;
        server.set_record(RECORD, &record).await.unwrap();
        let two = Pod::start(&server).await;
        let told = lines.with("WARN");
        let read = two.get_or_set("a", load()).detailed().await.unwrap();
        assert_eq!(*read.value, SECRET);
        assert!(!read.outcome.is_hit(), "{damage} was read");
        assert!(two.stats().l2_unreadable > 0, "{damage} was not counted");
        assert!(lines.with("WARN") > told, "{damage} was not told");
        // What was loaded in its place is good again.
        stored(&server, RECORD).await;
        let again = server.record(RECORD).await.unwrap().unwrap();
        let again = &again.segment("json.1").unwrap().payload;
        assert_eq!(again[last], value[last], "{damage}");
    }
    assert!(!lines.text().contains(SECRET), "{}", lines.text());
}

#[derive(CacheKey)]
#[cache_key(kind = "lot", value = String, template = "{id}")]
struct NamedLotKey {
    id: u64,
}

#[derive(CacheKey)]
#[cache_key(kind = "lot", value = u64, template = "{id}")]
struct CountedLotKey {
    id: u64,
}

#[tokio::test]
async fn what_another_type_left_under_a_key_and_its_version_is_a_counted_miss() {
    const SECRET: &str = "a secret lot";
    let lines = Lines::listen();
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    let named = NamedLotKey { id: 7 };
    one.set(&named, SECRET.to_owned())
        .await
        .unwrap()
        .accept_queued();
    let record = "{shop}:shared:lot:7";
    assert!(exists(&server, record).await);
    let (counted, source) = (CountedLotKey { id: 7 }, Source::of(7));
    let read = two.get_or_set(&counted, source.load()).detailed();
    let read = read.await.unwrap();
    assert!(*read.value == 7 && !read.outcome.is_hit());
    assert!(two.stats().l2_unreadable > 0);
    assert!(!lines.text().contains(SECRET), "{}", lines.text());
}

#[tokio::test]
async fn a_record_that_is_no_record_is_a_counted_miss() {
    let server = RedisServer::start().await.unwrap();
    let source = Source::of(1);
    for (number, how) in ["SET", "RPUSH", "SADD"].into_iter().enumerate() {
        let key = format!("{number}");
        redis(&server, [how, &plain(&key), "x"]).await;
        let pod = Pod::start(&server).await;
        let (value, outcome) = pod.read(&key, &source).await;
        assert!(value == 1 && !outcome.is_hit(), "{how}");
        assert!(pod.stats().l2_unreadable > 0, "{how}");
        until("it is a record again", async || {
            let record = server.record(&plain(&key)).await.unwrap();
            record.is_some_and(|record| record.segment("json.1").is_some())
        })
        .await;
        assert_eq!(value_in(&server, &key).await, Some(1), "{how}");
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
            let record = server.record(record).await.unwrap();
            record.is_some_and(|record| {
                record.segment("json.1").is_some() && record.segment("json.2").is_some()
            })
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
