//! Both levels together, in applications over a real server.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use app_support::*;
use caching_core::{EntryOptions, Outcome};
use caching_testkit::RedisServer;

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
    assert_eq!(value_in(&server, "a").await, Some(1));

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
async fn after_the_break_one_call_probes_redis_and_the_others_go_on_without() {
    let server = RedisServer::start().await.unwrap();
    let pod = Pod::with(
        &server,
        r#"
        cache.l2.breaker_failures = 1
        cache.l2.breaker_pause = "1s"
        cache.l2.read_soft_limit = "50ms"
        cache.l2.read_hard_limit = "50ms"
        cache.coherence.bound = "20s"
        "#,
    )
    .await;
    let source = Source::of(1);
    pod.read("warm", &source).await;
    // What was looked for and not there: the records that are asked for here, each of them cold.
    let looked = async || {
        let stats = server.info("stats").await.unwrap();
        stats.integer("keyspace_misses").unwrap()
    };
    let before = looked().await;
    server.pause().unwrap();
    pod.read("first", &source).await;
    assert!(pod.shared_status().unwrap().is_left_alone);
    for turn in 0..2 {
        // In the break nobody asks, after it one does.
        let cold = (0..20).map(|number| {
            let (pod, source) = (&pod, &source);
            async move {
                pod.read(&format!("{turn}-{number}"), source).await;
            }
        });
        together(cold).await;
        if turn == 0 {
            tokio::time::sleep(Duration::from_millis(1100)).await;
        }
    }
    assert_eq!(source.runs(), 42, "no call has failed");
    // It now answers everything that was sent meanwhile.
    server.resume().unwrap();
    assert_eq!(looked().await - before, 2, "the first one and the probe");
}

#[tokio::test]
async fn a_pod_without_a_value_falls_back_on_the_stale_one_of_redis() {
    let server = RedisServer::start().await.unwrap();
    let settings = "cache.defaults.duration = \"50ms\"";
    let (one, source) = (Pod::with(&server, settings).await, Source::of(1));
    one.read("a", &source).await;
    stored(&server, RECORD).await;
    until("it is over", async || !one.keeps("a")).await;
    let two = Pod::with(&server, settings).await;
    // In Redis it may last a moment longer.
    until("it is a fallback", async || {
        let (value, outcome) = read_broken(&two, "a").await.unwrap();
        value == 1 && outcome.is_stale()
    })
    .await;
    assert_eq!(two.get::<_, u64>("a").await.unwrap(), None, "a strict read");
}

#[tokio::test]
async fn what_skips_redis_stays_private() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    let source = Source::of(1);
    let private = EntryOptions::new().l2_write(false);
    let load = one.get_or_set("a", source.load()).options(private.clone());
    load.await.unwrap();
    let set = one.set("b", 7_u64).options(private);
    assert!(set.await.unwrap().is_applied());
    assert_eq!(one.read("a", &source).await, (1, L1_HIT));
    assert_eq!(one.read("b", &source).await, (7, L1_HIT));
    for key in ["a", "b"] {
        assert!(!exists(&server, &plain(key)).await, "{key}");
        let (value, outcome) = two.read(key, &source).await;
        assert!(value == 1 && !outcome.is_hit(), "{key} is its own");
    }
    // A peer may share what the other keeps to itself, and neither reads the other's.
    assert_eq!(value_in(&server, "b").await, Some(1));
    let blind = EntryOptions::new().l2_read(false);
    let load = one.get_or_set("c", source.load()).options(blind.clone());
    load.await.unwrap();
    stored(&server, &plain("c")).await;
    let read = two.get_or_set("c", source.load()).options(blind).detailed();
    assert!(
        !read.await.unwrap().outcome.is_hit(),
        "it does not look there"
    );
}

#[tokio::test]
async fn a_removed_tag_leaves_no_fallback_in_redis_and_an_expired_one_leaves_it() {
    let server = RedisServer::start().await.unwrap();
    let (writer, never_had) = (Pod::start(&server).await, Pod::start(&server).await);
    let source = Source::of(1);
    for how in ["remove_by_tag", "expire_by_tag"] {
        fill(&[&writer], how, &source).await;
        stored(&server, &plain(how)).await;
        assert!(invalidate(&writer, how, how, &source).await.is_applied());
        // Nothing of it can come from an L1 but where it was read.
        let late = Pod::start(&server).await;
        for pod in [&late, &never_had, &writer] {
            until("it is heard of", async || {
                pod.get::<_, u64>(how).await.unwrap().is_none()
            })
            .await;
            match (how, read_broken(pod, how).await) {
                ("expire_by_tag", Some((1, outcome))) => assert!(outcome.is_stale()),
                (_, found) => assert_eq!((how, found), ("remove_by_tag", None)),
            }
        }
    }
}
