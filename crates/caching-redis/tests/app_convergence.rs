//! Writes of applications that reach Redis late, by half or never: how they all end.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use app_support::*;
use caching_core::EntryOptions;
use caching_testkit::{Fault, RedisServer};

const OLD: u64 = 7_000_000;

fn none() -> EntryOptions {
    EntryOptions::new()
}

async fn all_told(pod: &Pod) {
    until("what was queued is told", async || {
        pod.shared_status().unwrap().queued == 0
    })
    .await;
}

#[tokio::test]
async fn pods_go_on_while_redis_is_away_and_converge_to_the_newest_when_it_is_back() {
    let mut server = RedisServer::builder().append_only().start().await.unwrap();
    let pods = [
        Pod::start(&server).await,
        Pod::start(&server).await,
        Pod::start(&server).await,
    ];
    let all = [&pods[0], &pods[1], &pods[2]];
    let keys = INVALIDATIONS.map(|how| (how, Source::of(OLD)));
    for (how, source) in &keys {
        fill(&all, how, source).await;
        stored(&server, &plain(how)).await;
    }
    server.kill();
    for (turn, (how, source)) in keys.iter().enumerate() {
        let writer = all[turn % 3];
        source.commit();
        let done = invalidate(writer, how, how, source).await;
        assert!(!done.is_applied(), "{how}: nobody was there");
        let (value, _) = read_with(writer, how, source, none()).await;
        assert_eq!(value, OLD + 1, "{how}: the writer itself, at once");
        // The others serve, if only what they know.
        for pod in all {
            read_with(pod, how, source, none()).await;
        }
    }
    server.restart().await.unwrap();
    for pod in all {
        all_told(pod).await;
    }
    after_the_bound(async {}).await;
    let late = Pod::start(&server).await;
    for (how, source) in &keys {
        agree(&all, how, source, how).await;
        agree(&[&late], how, source, how).await;
        assert_eq!(value_in(&server, how).await, Some(OLD + 1), "{how}");
    }
}

#[tokio::test]
async fn where_only_the_write_to_redis_failed_the_pods_end_consistent() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    let (loaded, set) = (Source::of(OLD), Source::of(OLD));
    fill(&[&one, &two], "set", &set).await;
    // No room for values; what is small and guards them still finds some.
    redis(&server, ["CONFIG", "SET", "maxmemory", "1"]).await;
    fill(&[&one, &two], "loaded", &loaded).await;
    assert_eq!(loaded.runs(), 2, "each its own");
    assert!(one.keeps("loaded") && two.keeps("loaded"), "in L1");
    assert!(!exists(&server, &plain("loaded")).await);
    heard_of(&[&one, &two], &one, "set", "set", &set).await;
    assert!(one.keeps("set"), "its own value");
    assert!(!exists(&server, &plain("set")).await, "nor the old one");
    heard_of(&[&one, &two], &two, "remove", "loaded", &loaded).await;
    for (key, source) in [("loaded", &loaded), ("set", &set)] {
        agree(&[&one, &two], key, source, key).await;
    }
    assert!(one.stats().l2_failures > 0);

    redis(&server, ["CONFIG", "SET", "maxmemory", "0"]).await;
    for (key, source) in [("loaded", &loaded), ("set", &set)] {
        heard_of(&[&one, &two], &one, "remove", key, source).await;
        agree(&[&one, &two], key, source, key).await;
        assert_eq!(value_in(&server, key).await, Some(OLD + 2), "{key}");
    }
}

#[tokio::test]
async fn where_only_the_publish_failed_the_pods_end_consistent() {
    let server = RedisServer::start().await.unwrap();
    let settings = "cache.l2.breaker_pause = \"100ms\"";
    let one = Pod::with(&server, settings).await;
    let two = Pod::with(&server, settings).await;
    for how in INVALIDATIONS {
        let source = Source::of(OLD);
        fill(&[&one, &two], how, &source).await;
        stored(&server, &plain(how)).await;
        source.commit();
        let before = two.stats();
        mute(&server, true).await;
        let done = invalidate(&one, how, how, &source).await;
        assert!(!done.is_applied(), "{how}: what failed is not promised");
        let (value, _) = read_with(&one, how, &source, none()).await;
        assert_eq!(value, OLD + 1, "{how}: here it holds");
        // It stands in the log, where the poll finds it.
        until("a poll finds it", async || {
            two.stats().replays > before.replays
        })
        .await;
        assert_eq!(two.stats().notices, before.notices, "{how}: none came");
        agree(&[&two], how, &source, how).await;
        mute(&server, false).await;
        all_told(&one).await;
        agree(&[&one, &two], how, &source, how).await;
        // And what comes then is heard as ever.
        heard_of(&[&one, &two], &one, how, how, &source).await;
        agree(&[&one, &two], how, &source, how).await;
    }
}

#[tokio::test]
async fn where_only_the_answer_was_lost_it_is_sent_again_and_the_pods_end_consistent() {
    let server = RedisServer::start().await.unwrap();
    let (one, link) = through(&server, "cache.l2.write_limit = \"100ms\"").await;
    let two = Pod::start(&server).await;
    for how in ["remove", "expire", "remove_by_tag", "clear", "set"] {
        let source = Source::of(OLD);
        fill(&[&one, &two], how, &source).await;
        stored(&server, &plain(how)).await;
        source.commit();
        let heard = has_heard(&two);
        link.set_to_client(Fault::Blackhole);
        let done = invalidate(&one, how, how, &source).await;
        assert!(!done.is_applied(), "{how}: nobody said so");
        until("the peer knows", async || has_heard(&two) > heard).await;
        agree(&[&two], how, &source, how).await;
        link.heal();
        link.reset_connections();
        all_told(&one).await;
        agree(&[&one, &two], how, &source, how).await;
    }
}

#[tokio::test]
async fn a_writer_that_dies_before_it_could_tell_leaves_the_old_value_for_its_duration_at_most() {
    let server = RedisServer::start().await.unwrap();
    let settings = "cache.defaults.duration = \"2s\"\ncache.defaults.fail_safe = false";
    let (one, link) = through(&server, settings).await;
    let two = Pod::with(&server, settings).await;
    let source = Source::of(OLD);
    fill(&[&one, &two], "a", &source).await;
    let filled = std::time::Instant::now();
    link.cut();
    source.commit();
    assert!(!one.remove("a").await.unwrap().is_applied());
    // With its queue.
    drop(one);
    let (value, _) = read_with(&two, "a", &source, none()).await;
    let is_over = filled.elapsed().as_millis() >= 1_900;
    assert!(value == OLD || is_over, "nobody can know");
    until("its duration is over", async || {
        let asked = filled.elapsed();
        let (value, outcome) = read_with(&two, "a", &source, none()).await;
        assert!(
            value == OLD + 1 || asked.as_millis() < 2_500,
            "{outcome:?} after {asked:?}"
        );
        value == OLD + 1
    })
    .await;
    agree(&[&two], "a", &source, "after it").await;
    assert_eq!(value_in(&server, "a").await, Some(OLD + 1));
}
