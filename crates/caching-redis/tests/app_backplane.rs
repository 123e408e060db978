//! Several applications over a real server: what one invalidates, all forget.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::convert::Infallible;
use std::time::Instant;

use app_support::*;
use caching_core::{Invalidated, Outcome};
use caching_testkit::RedisServer;

async fn three(server: &RedisServer) -> [Pod; 3] {
    [
        Pod::start(server).await,
        Pod::start(server).await,
        Pod::start(server).await,
    ]
}

/// Reads a value that carries the tag `red`.
async fn read(pod: &Pod, key: &str, source: &Source) -> (u64, Outcome) {
    let load = pod.get_or_set(key, source.load()).tags(|| ["red"]);
    let cached = load.detailed().await.unwrap();
    (*cached.value, cached.outcome)
}

/// All pods keep a value that carries the tag.
async fn all_keep(pods: &[Pod], key: &str, source: &Source) {
    for pod in pods {
        // A notice of before may still be on its way.
        until("it is kept", async || {
            read(pod, key, source).await.1 == L1_HIT
        })
        .await;
    }
}

/// All pods give the new value, at the latest when the bound is over.
async fn all_give(pods: &[Pod], key: &str, value: u64, source: &Source, how: &str) {
    let begun = Instant::now();
    for pod in pods {
        until(how, async || {
            let asked = begun.elapsed();
            let (given, outcome) = read(pod, key, source).await;
            assert!(
                given == value || asked < BOUND,
                "{how}: {outcome:?} after {asked:?}"
            );
            given == value
        })
        .await;
    }
}

#[tokio::test]
async fn what_one_pod_sets_removes_expires_purges_or_clears_all_have_forgotten() {
    let server = RedisServer::start().await.unwrap();
    let pods = three(&server).await;
    let source = Source::default();
    let mut value = 0;
    for turn in 0..3 {
        let writer = &pods[turn];
        for how in [
            "set",
            "remove",
            "expire",
            "remove_by_tag",
            "expire_by_tag",
            "clear",
            "expire_all",
        ] {
            value += 1;
            source.write(value);
            // The pods differ in who loads and who finds it in Redis.
            all_keep(&pods, "a", &source).await;
            value += 1;
            source.write(value);
            let done: Invalidated = match how {
                "set" => writer.set("a", value).await.unwrap(),
                "remove" => writer.remove("a").await.unwrap(),
                "expire" => writer.expire("a").await.unwrap(),
                "remove_by_tag" => writer.remove_by_tag("red").await.unwrap(),
                "expire_by_tag" => writer.expire_by_tag("red").await.unwrap(),
                "clear" => writer.clear().await.unwrap(),
                _ => writer.expire_all().await.unwrap(),
            };
            assert!(done.is_applied(), "{how}");
            assert_eq!(
                read(writer, "a", &source).await.0,
                value,
                "the writer itself, at once"
            );
            all_give(&pods, "a", value, &source, how).await;
        }
    }
}

#[tokio::test]
async fn a_tag_hides_what_carries_it_and_nothing_else_on_all_pods() {
    let server = RedisServer::start().await.unwrap();
    let pods = three(&server).await;
    let source = Source::of(1);
    all_keep(&pods, "tagged", &source).await;
    for pod in &pods {
        pod.read("plain", &source).await;
    }
    assert!(pods[1].remove_by_tag("red").await.unwrap().is_applied());
    for pod in &pods {
        until("the tagged one is gone", async || !pod.keeps("tagged")).await;
        assert!(pod.keeps("plain"));
    }
    // A pod that starts after it finds neither record nor fallback of before.
    let late = Pod::start(&server).await;
    source.write(2);
    assert!(matches!(
        late.read("tagged", &source).await,
        (
            2,
            Outcome::Miss {
                was_stale: false,
                ..
            }
        )
    ));
    assert_eq!(late.read("plain", &source).await, (1, L2_HIT));
}

#[tokio::test]
async fn a_pod_that_starts_after_a_clear_sees_nothing_of_before() {
    let server = RedisServer::start().await.unwrap();
    let (one, source) = (Pod::start(&server).await, Source::of(1));
    one.read("a", &source).await;
    stored(&server, "{shop}:shared:plain:a").await;
    assert!(one.clear().await.unwrap().is_applied());
    source.write(2);
    let late = Pod::start(&server).await;
    assert_eq!(late.read("a", &source).await.0, 2);
}

#[tokio::test]
async fn caches_of_different_prefixes_do_not_hear_each_other() {
    let server = RedisServer::start().await.unwrap();
    let (one, source) = (Pod::start(&server).await, Source::of(1));
    let other = Pod::with(&server, "cache.key_prefix = \"other\"").await;
    one.read("a", &source).await;
    other.read("a", &source).await;
    assert_eq!(source.runs(), 2, "neither reads the other's record");
    assert!(one.clear_all_scopes().await.unwrap().is_applied());
    assert!(one.remove("a").await.unwrap().is_applied());
    after_the_bound(async {}).await;
    assert!(other.keeps("a"));
    assert!(exists(&server, "{other}:shared:plain:a").await);
    assert_eq!(other.stats().notices, 0);
}

#[tokio::test]
async fn a_notice_makes_nobody_read_redis() {
    let server = RedisServer::start().await.unwrap();
    let pods = three(&server).await;
    let source = Source::of(1);
    // The third one never had it.
    all_keep(&pods[..2], "a", &source).await;
    redis(&server, ["CONFIG", "RESETSTAT"]).await;
    assert!(pods[0].remove("a").await.unwrap().is_applied());
    until("all have heard of it", async || {
        pods.iter().all(|pod| pod.stats().notices > 0)
    })
    .await;
    after_the_bound(async {}).await;
    // Each read of a record asks for the server's time; polls and invalidations do not.
    let reads = async || server.info("commandstats").await.unwrap().calls("time");
    assert_eq!(reads().await, 0);
    assert_eq!(
        pods.iter().map(|pod| pod.stats().l2_hits).sum::<u64>(),
        1,
        "the one of before"
    );
    assert_eq!(source.runs(), 1);
    pods[1].read("a", &source).await;
    assert!(reads().await > 0, "a read would have been seen");
}

#[tokio::test]
async fn an_expired_value_is_a_fallback_for_those_who_had_it() {
    let server = RedisServer::start().await.unwrap();
    let pods = three(&server).await;
    let source = Source::of(1);
    all_keep(&pods[..2], "a", &source).await;
    assert!(pods[0].expire("a").await.unwrap().is_applied());
    for pod in &pods {
        until("no strict read finds it", async || {
            pod.get::<_, u64>("a").await.unwrap().is_none()
        })
        .await;
    }
    source.break_down();
    for pod in &pods[..2] {
        assert_eq!(pod.read("a", &source).await, (1, STALE));
    }
    // A removed one is none, for anybody.
    assert!(pods[0].remove("a").await.unwrap().is_applied());
    for pod in &pods {
        until("there is no fallback", async || {
            pod.get_or_set("a", source.load()).await.is_err()
        })
        .await;
    }
}

#[tokio::test]
async fn a_cold_key_is_loaded_once_over_all_pods() {
    let server = RedisServer::start().await.unwrap();
    let pods = three(&server).await;
    let source = Source::of(1);
    let mut readers = tokio::task::JoinSet::new();
    for turn in 0..60 {
        let (cache, source) = ((*pods[turn % 3]).clone(), source.clone());
        readers.spawn(async move {
            let slow = move |cx| async move {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                source.load()(cx).await
            };
            *cache.get_or_set("a", slow).await.unwrap()
        });
    }
    assert!(readers.join_all().await.iter().all(|value| *value == 1));
    assert_eq!(source.runs(), 1);
}

#[tokio::test]
async fn a_value_that_was_loaded_before_an_invalidation_of_another_pod_is_stored_nowhere() {
    let server = RedisServer::start().await.unwrap();
    let [one, two, three] = three(&server).await;
    let (begun, is_begun) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = tokio::sync::oneshot::channel::<()>();
    let cache = (*one).clone();
    let late = tokio::spawn(async move {
        let factory = |_| async move {
            begun.send(()).unwrap();
            may_go_on.await.unwrap();
            Ok::<_, Infallible>(1_u64)
        };
        cache.get_or_set("a", factory).await
    });
    is_begun.await.unwrap();
    assert!(two.remove("a").await.unwrap().is_applied());
    go_on.send(()).unwrap();
    assert_eq!(*late.await.unwrap().unwrap(), 1, "its own caller gets it");
    after_the_bound(async {}).await;
    assert!(!exists(&server, "{shop}:shared:plain:a").await);
    let source = Source::of(2);
    for pod in [&one, &two, &three] {
        assert_eq!(pod.read("a", &source).await.0, 2);
    }
}
