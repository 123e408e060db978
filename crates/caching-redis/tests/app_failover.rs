//! Servers that lose their place under live connections, and the applications that are left with them.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use app_support::*;
use caching_core::EntryOptions;
use caching_testkit::RedisServer;

const OLD: u64 = 7_000_000;

async fn follow(server: &RedisServer, primary: Option<&RedisServer>) {
    let port = primary.map(|primary| primary.port().to_string());
    let words = match &port {
        Some(port) => ["REPLICAOF", "127.0.0.1", port],
        None => ["REPLICAOF", "NO", "ONE"],
    };
    redis(server, words).await;
    until("it has taken its place", async || {
        let info = server.info("replication").await.unwrap();
        match primary {
            Some(_) => info.get("master_link_status") == Some("up"),
            None => info.get("role") == Some("master"),
        }
    })
    .await;
}

/// A poll beside a read after a lapse: without it, a deposed primary answers reads for ever.
#[tokio::test]
async fn what_a_deposed_primary_still_answers_is_given_to_nobody_after_the_bound() {
    let deposed = RedisServer::builder()
        .directive("min-replicas-to-write", "1")
        .start()
        .await
        .unwrap();
    let promoted = RedisServer::builder().replica_of(&deposed);
    let promoted = promoted.start().await.unwrap();
    let (left_behind, _link) = through(&deposed, "").await;
    let (moved, its_link) = through(&deposed, "").await;
    let keys = [("kept", Source::of(OLD)), ("cold", Source::of(OLD))];
    fill(&[&moved, &left_behind], "kept", &keys[0].1).await;
    fill(&[&moved], "cold", &keys[1].1).await;
    redis(&deposed, ["WAIT", "1", "0"]).await;

    follow(&promoted, None).await;
    its_link.set_upstream(promoted.address());
    its_link.reset_connections();
    for (key, source) in &keys {
        source.commit();
        until("it is applied at the new one", async || {
            moved.remove(*key).await.unwrap().is_applied()
        })
        .await;
    }
    after_the_bound(async {}).await;
    for (key, source) in &keys {
        assert_eq!(value_in(&deposed, key).await, Some(OLD), "it stands there");
        for _ in 0..20 {
            let read = read_with(&left_behind, key, source, EntryOptions::new());
            let (value, outcome) = read.await;
            assert!(value == OLD + 1 || outcome.is_stale(), "{key}: {outcome:?}");
        }
        agree(&[&left_behind, &moved], key, source, key).await;
        assert_eq!(value_in(&promoted, key).await, Some(OLD + 1));
    }
}

/// The number compared on a hit of L2: without it, a server that was demoted to an older data set and
/// promoted back under live connections serves it, also to the pod that invalidated.
#[tokio::test]
async fn a_data_set_that_went_back_under_live_connections_is_not_believed() {
    let server = RedisServer::start().await.unwrap();
    // Its next poll comes long after this is over.
    let slow = "cache.coherence.bound = \"60s\"\ncache.coherence.heartbeat = \"30s\"";
    let pod = Pod::with(&server, slow).await;
    let source = Source::of(OLD);
    let filler = Pod::with(&server, slow).await;
    fill(&[&filler], "a", &source).await;
    stored(&server, &plain("a")).await;
    let before = server.snapshot().await.unwrap();
    let past = RedisServer::builder().snapshot(&before);
    let past = past.start().await.unwrap();
    source.commit();
    assert!(pod.remove("a").await.unwrap().is_applied());
    assert_eq!(value_in(&server, "a").await, None);

    follow(&server, Some(&past)).await;
    follow(&server, None).await;
    assert_eq!(value_in(&server, "a").await, Some(OLD), "it is back");
    let (value, outcome) = read_with(&pod, "a", &source, EntryOptions::new()).await;
    assert_eq!(value, OLD + 1, "{outcome:?}");
    agree(&[&pod], "a", &source, "from then on").await;
}

/// The identity of the server: without it, a server that was restarted from an old snapshot gives numbers
/// out twice, and who knows the first of two does not ask for the second.
#[tokio::test]
async fn a_number_that_is_given_out_twice_after_a_restart_from_a_snapshot_is_noticed() {
    let mut server = RedisServer::start().await.unwrap();
    let (left_behind, link) = through(&server, "").await;
    let (writer, source) = (Pod::start(&server).await, Source::of(OLD));
    let other = Source::of(OLD);
    fill(&[&writer, &left_behind], "a", &source).await;
    until("it hears", async || {
        left_behind.shared_status().unwrap().is_hearing
    })
    .await;
    let before = server.snapshot().await.unwrap();
    heard_of(&[&left_behind], &writer, "remove", "other", &other).await;
    let number = async |server: &RedisServer| {
        let number = redis(server, ["HGET", "{shop}:@control", "s"]).await;
        number.text().map(str::to_owned)
    };
    let first = number(&server).await;

    link.cut();
    server.restart_from_snapshot(&before).await.unwrap();
    source.commit();
    writer.remove("a").await.unwrap().accept_queued();
    until("it is applied", async || {
        writer.shared_status().unwrap().queued == 0
    })
    .await;
    assert!(number(&server).await <= first, "it went back");
    link.heal();
    until("it is in touch again", async || {
        left_behind.shared_status().unwrap().is_answering
    })
    .await;
    after_the_bound(async {}).await;
    agree(&[&left_behind, &writer], "a", &source, "after the bound").await;
    assert!(left_behind.stats().breaks > 0);
    assert_eq!(value_in(&server, "a").await, Some(OLD + 1));
}
