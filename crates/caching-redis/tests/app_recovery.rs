//! A server that goes and comes back: what was queued arrives, and all pods agree.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use app_support::*;
use caching_redis::{LinkStatus, RedisLink};
use caching_testkit::RedisServer;

async fn three(server: &RedisServer) -> [Pod; 3] {
    [
        Pod::start(server).await,
        Pod::start(server).await,
        Pod::start(server).await,
    ]
}

async fn connected(pods: &[Pod]) {
    for pod in pods {
        until("the cache is up", async || {
            pod.health("cache").await == "up"
        })
        .await;
    }
}

#[tokio::test]
async fn queued_is_not_applied_and_readiness_says_so_until_it_is() {
    let server = RedisServer::builder().append_only().start().await.unwrap();
    let (mut server, source) = (server, Source::of(1));
    let pods = three(&server).await;
    for pod in &pods {
        pod.read("a", &source).await;
    }
    server.kill();
    source.write(2);
    assert!(!pods[0].remove("a").await.unwrap().is_applied());
    assert_eq!(
        pods[0].read("a", &source).await.0,
        2,
        "it holds here at once"
    );
    let detail = pods[0].health("cache").await;
    assert!(detail.contains("1 invalidations wait"), "{detail}");
    assert_eq!(pods[0].shared_status().unwrap().queued, 1);

    // With the old record on disk.
    server.restart().await.unwrap();
    connected(&pods).await;
    until("it was sent", async || pods[0].stats().resent == 1).await;
    for pod in &pods {
        until("all agree", async || pod.read("a", &source).await.0 == 2).await;
    }
    let late = Pod::start(&server).await;
    assert_eq!(
        late.read("a", &source).await.0,
        2,
        "the old record is not there any more"
    );
}

#[tokio::test]
async fn pods_that_wrote_different_values_while_redis_was_away_agree_when_it_is_back() {
    let mut server = RedisServer::start().await.unwrap();
    let pods = three(&server).await;
    let source = Source::of(1);
    for pod in &pods {
        pod.read("a", &source).await;
    }
    server.kill();
    for (value, pod) in (10..).zip(&pods) {
        source.write(value);
        let set = pod.set("a", value).await.unwrap();
        assert!(!set.is_applied());
    }
    server.restart_empty().await.unwrap();
    connected(&pods).await;
    for pod in &pods {
        until("all give what was written last", async || {
            pod.read("a", &source).await.0 == 12
        })
        .await;
    }
    after_the_bound(async {}).await;
    for pod in &pods {
        assert_eq!(pod.read("a", &source).await.0, 12);
    }
}

#[tokio::test]
async fn the_queue_holds_a_key_once_and_what_it_cannot_hold_clears_the_cache() {
    let mut server = RedisServer::builder().append_only().start().await.unwrap();
    let one = Pod::with(&server, "cache.l2.queue_limit = 4").await;
    let two = Pod::start(&server).await;
    let source = Source::of(1);
    for key in ["a", "b", "kept"] {
        two.read(key, &source).await;
        stored(&server, &format!("{{shop}}:shared:plain:{key}")).await;
    }
    server.kill();
    for _ in 0..10 {
        one.remove("a").await.unwrap().accept_queued();
    }
    assert_eq!(one.shared_status().unwrap().queued, 1);
    for number in 0..20 {
        one.remove(format!("k{number}").as_str())
            .await
            .unwrap()
            .accept_queued();
    }
    assert!(one.shared_status().unwrap().queued <= 4);
    source.write(2);
    server.restart().await.unwrap();
    connected(std::slice::from_ref(&one)).await;
    connected(std::slice::from_ref(&two)).await;
    for key in ["a", "b", "kept"] {
        until("everything of before is gone", async || {
            two.read(key, &source).await.0 == 2
        })
        .await;
    }
}

#[tokio::test]
async fn an_application_starts_without_its_redis_and_takes_it_up_when_it_is_there() {
    let mut server = RedisServer::start().await.unwrap();
    server.kill();
    let (pod, source) = (Pod::start(&server).await, Source::of(1));
    assert_eq!(pod.read("a", &source).await.0, 1);
    let link = pod.app.services().get::<RedisLink>().unwrap();
    until("it is known to be down", async || {
        matches!(link.status(), LinkStatus::Down(_))
    })
    .await;
    assert!(pod.app.health().await.is_ready(), "it serves");
    assert!(pod.health("redis").await.contains("no connection to Redis"));
    server.restart_empty().await.unwrap();
    connected(std::slice::from_ref(&pod)).await;
    assert!(matches!(link.status(), LinkStatus::Connected));
    assert!(pod.remove("a").await.unwrap().is_applied());
    pod.read("a", &source).await;
    stored(&server, "{shop}:shared:plain:a").await;
}

#[tokio::test]
async fn a_restart_and_a_flush_cost_values_and_no_truth() {
    let mut server = RedisServer::start().await.unwrap();
    let pods = three(&server).await;
    let source = Source::of(0);
    for round in 1..=4 {
        for pod in &pods {
            pod.read("a", &source).await;
        }
        match round % 2 {
            0 => server.flush_all().await.unwrap(),
            _ => server.restart_empty().await.unwrap(),
        }
        connected(&pods).await;
        source.write(round);
        until("it is applied", async || {
            pods[0].remove("a").await.unwrap().is_applied()
        })
        .await;
        after_the_bound(async {}).await;
        for pod in &pods {
            assert_eq!(pod.read("a", &source).await.0, round);
        }
    }
    for pod in &pods {
        assert!(pod.stats().breaks > 0);
    }
}

#[tokio::test]
async fn nothing_is_ever_sent_that_looks_through_all_keys_or_empties_the_server() {
    let server = RedisServer::start().await.unwrap();
    redis(&server, ["CONFIG", "RESETSTAT"]).await;
    let pods = three(&server).await;
    let source = Source::of(1);
    for pod in &pods {
        pod.get_or_set("a", source.load())
            .tags(|| ["red"])
            .await
            .unwrap();
        pod.set("b", 1_u64).await.unwrap().accept_queued();
        pod.remove("a").await.unwrap().accept_queued();
        pod.expire("b").await.unwrap().accept_queued();
        pod.remove_by_tag("red").await.unwrap().accept_queued();
        pod.clear().await.unwrap().accept_queued();
        pod.clear_all_scopes().await.unwrap().accept_queued();
    }
    for pod in &pods {
        assert!(pod.app.stop().await.is_clean());
    }
    let statistics = server.info("commandstats").await.unwrap();
    assert!(statistics.calls("evalsha") > 0);
    for command in [
        "keys",
        "scan",
        "hscan",
        "sscan",
        "zscan",
        "flushall",
        "flushdb",
        "randomkey",
    ] {
        assert_eq!(statistics.calls(command), 0, "{command}");
    }
    // The kit's own reset is the one that there is.
    assert!(statistics.calls("config|get") + statistics.calls("config|set") == 0);
}
