//! Which of two values stays where both levels have one, in applications over a real server.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::time::Duration;

use app_support::*;
use caching_core::{EntryOptions, Limit};
use caching_testkit::{Fault, RedisServer};

const OLD: u64 = 7_000_000;

#[tokio::test]
async fn an_older_value_of_redis_never_overwrites_a_newer_one_of_l1() {
    let server = RedisServer::start().await.unwrap();
    let one = Pod::start(&server).await;
    let (two, proxy) = through(&server, "").await;
    two.read("warm", &Source::of(1)).await;
    for round in 0..8 {
        let (key, source) = (format!("{round}"), Source::of(OLD));
        fill(&[&one], &key, &source).await;
        stored(&server, &plain(&key)).await;
        // Redis has answered with the old value, which has yet to arrive.
        let before = reads(&server).await;
        proxy.set_to_client(Fault::Hold);
        let (cache, key_of, load) = ((*two).clone(), key.clone(), source.load());
        let reading = tokio::spawn(async move { cache.get_or_set(&*key_of, load).await });
        until("it is on its way", async || reads(&server).await > before).await;
        let newest = source.commit();
        let (cache, key_of) = ((*two).clone(), key.clone());
        let setting = tokio::spawn(async move { cache.set(&*key_of, newest).await });
        until("the newest is there", async || {
            value_in(&server, &key).await == Some(newest)
        })
        .await;
        assert!(!reading.is_finished() && !setting.is_finished());
        proxy.heal();
        assert!(setting.await.unwrap().unwrap().is_applied());
        assert!(*reading.await.unwrap().unwrap() <= newest, "it came before");
        for _ in 0..3 {
            assert_eq!(two.read(&key, &source).await, (newest, L1_HIT), "{round}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(source.runs(), 1);
    }
}

#[tokio::test]
async fn a_local_expire_is_not_undone_by_redis() {
    let server = RedisServer::start().await.unwrap();
    for is_told in [true, false] {
        let (key, source) = (format!("{is_told}"), Source::of(OLD));
        let (pod, proxy) = through(&server, "").await;
        fill(&[&pod], &key, &source).await;
        stored(&server, &plain(&key)).await;
        if !is_told {
            proxy.cut();
        }
        let newest = source.commit();
        assert_eq!(pod.expire(&*key).await.unwrap().is_applied(), is_told);
        assert_eq!(is_marked_expired(&server, &key).await, is_told);
        assert_eq!(value_in(&server, &key).await, Some(OLD), "as a fallback");
        assert_eq!(pod.get::<_, u64>(&*key).await.unwrap(), None, "strict");
        assert_eq!(pod.read(&key, &source).await.0, newest);
        // The old value is in reach again, before anybody has told Redis that it is over.
        proxy.heal();
        for _ in 0..20 {
            assert_eq!(pod.read(&key, &source).await.0, newest, "{is_told}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        until("it is told", async || {
            pod.shared_status().unwrap().queued == 0
        })
        .await;
        let late = Pod::start(&server).await;
        assert_eq!(late.read(&key, &source).await.0, newest);
    }
}

#[tokio::test]
async fn a_short_life_in_l1_shows_a_peers_update_after_it() {
    let server = RedisServer::start().await.unwrap();
    let one = Pod::start(&server).await;
    // No notice tells it, and polls tell it seldom.
    let url = deaf_url(&server, server.address()).await;
    let slow = "cache.coherence.heartbeat = \"500ms\"";
    let two = Pod::at(&url, slow).await;
    let source = Source::of(OLD);
    let short = EntryOptions::new().l1_duration(Limit::After(Duration::from_millis(30)));
    let long = EntryOptions::new();
    for round in 0..50 {
        let keys = [(format!("s{round}"), &short), (format!("l{round}"), &long)];
        let replays = two.stats().replays;
        for (key, _) in &keys {
            assert!(one.set(&**key, OLD).await.unwrap().is_applied());
        }
        until("a poll has told it of that", async || {
            two.stats().replays >= replays + 2
        })
        .await;
        let replays = two.stats().replays;
        for (key, options) in &keys {
            let first = read_with(&two, key, &source, (*options).clone()).await;
            assert_eq!(first, (OLD, L2_HIT));
            assert!(one.set(&**key, OLD + 1).await.unwrap().is_applied());
        }
        until("its life here is over", async || !two.keeps(&keys[0].0)).await;
        let after = read_with(&two, &keys[0].0, &source, short.clone()).await;
        let without = read_with(&two, &keys[1].0, &source, long.clone()).await;
        assert_eq!(after, (OLD + 1, L2_HIT));
        assert_eq!((two.stats().notices, source.runs()), (0, 0));
        // Unless a poll came in between, which tells of both.
        if two.stats().replays == replays {
            assert_eq!(without, (OLD, L1_HIT), "which has no life of its own here");
            return;
        }
    }
    unreachable!("polls come twice a second");
}
