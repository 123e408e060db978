//! Applications over a real server that hear each other, do not, or hear late.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::time::Duration;

use app_support::*;
use caching_core::{EntryOptions, Limit};
use caching_testkit::{Gate, RedisServer};

const OLD: u64 = 7_000_000;

#[tokio::test]
async fn without_a_backplane_a_peer_keeps_its_value_until_it_polls_and_with_one_it_does_not() {
    let server = RedisServer::start().await.unwrap();
    let slow = "cache.coherence.heartbeat = \"250ms\"";
    let writer = Pod::with(&server, slow).await;
    let hearing = Pod::with(&server, slow).await;
    let url = deaf_url(&server, server.address()).await;
    let deaf = Pod::at(&url, slow).await;
    for how in INVALIDATIONS {
        let mut kept = false;
        // A poll may come at any moment, so that one in a few attempts has to show it.
        for attempt in 0..20 {
            let (key, source) = (format!("{how}-{attempt}"), Source::of(OLD));
            fill(&[&writer, &hearing, &deaf], &key, &source).await;
            heard_of(&[&writer, &hearing], &writer, how, &key, &source).await;
            let (value, _) = read_with(&hearing, &key, &source, EntryOptions::new()).await;
            assert_eq!(value, OLD + 1, "{how}: it was told");
            kept = deaf.peek::<_, u64>(&*key).unwrap().as_deref() == Some(&OLD);
            if kept {
                until("its poll tells it", async || !deaf.keeps(&key)).await;
                agree(&[&deaf], &key, &source, how).await;
                break;
            }
        }
        assert!(kept, "{how}: who told it?");
    }
    let stats = deaf.stats();
    assert_eq!((stats.notices, stats.breaks), (0, 0), "polls have told it");
    assert!(stats.replays >= INVALIDATIONS.len() as u64);
    assert_eq!(hearing.stats().gaps, 0);
}

#[tokio::test]
async fn a_publisher_applies_its_own_invalidation_when_the_answer_comes_and_not_when_the_notice_does()
 {
    let server = RedisServer::start().await.unwrap();
    let url = deaf_url(&server, server.address()).await;
    // To one of them its own notices never come.
    for (is_deaf, url) in [(true, url), (false, server.url())] {
        let pod = Pod::at(&url, "").await;
        until("it hears", async || {
            is_deaf || pod.shared_status().unwrap().is_hearing
        })
        .await;
        for how in INVALIDATIONS {
            let (key, source) = (format!("{how}-{is_deaf}"), Source::of(OLD));
            fill(&[&pod], &key, &source).await;
            let newest = source.commit();
            let heard = pod.stats().notices;
            assert!(
                invalidate(&pod, how, &key, &source).await.is_applied(),
                "{how}"
            );
            let (value, _) = read_with(&pod, &key, &source, EntryOptions::new()).await;
            assert_eq!(value, newest, "{how}: at once");
            if is_deaf {
                continue;
            }
            // And when its notice comes after all, it takes nothing away.
            until("it comes", async || pod.stats().notices > heard).await;
            assert!(pod.keeps(&key), "{how}");
        }
        let stats = pod.stats();
        assert_eq!((stats.gaps, stats.replays), (0, 0), "deaf: {is_deaf}");
        assert_eq!(stats.notices == 0, is_deaf);
    }
}

#[tokio::test]
async fn an_expired_value_is_no_fallback_for_those_who_never_had_it_where_redis_is_away() {
    let server = RedisServer::start().await.unwrap();
    let writer = Pod::start(&server).await;
    let (had, its_link) = through(&server, "").await;
    let (never_had, other_link) = through(&server, "").await;
    let asking = Pod::start(&server).await;
    let source = Source::of(OLD);
    fill(&[&writer, &had], "a", &source).await;
    never_had.read("warm", &source).await;
    heard_of(
        &[&writer, &had, &never_had],
        &writer,
        "expire",
        "a",
        &source,
    )
    .await;
    assert!(is_marked_expired(&server, "a").await);
    for pod in [&writer, &had, &asking] {
        assert_eq!(pod.get::<_, u64>("a").await.unwrap(), None, "strict");
    }
    for link in [&its_link, &other_link] {
        link.cut();
    }
    let (value, outcome) = read_broken(&had, "a").await.unwrap();
    assert!(value == OLD && outcome.is_stale(), "{outcome:?}");
    assert_eq!(read_broken(&never_had, "a").await, None);
}

#[tokio::test]
async fn a_late_background_value_reaches_peers_under_the_same_fences() {
    let server = RedisServer::start().await.unwrap();
    let settings = "cache.defaults.factory_soft_limit = \"100ms\"";
    let (one, two) = (
        Pod::with(&server, settings).await,
        Pod::with(&server, settings).await,
    );
    let short = EntryOptions::new().duration(Duration::from_millis(50));
    let slow = EntryOptions::new().factory_soft_limit(Limit::After(Duration::from_millis(20)));
    for how in INVALIDATIONS.map(Some).into_iter().chain([None]) {
        let key = how.unwrap_or("nothing");
        let (source, gate) = (Source::of(OLD), Gate::closed());
        for pod in [&one, &two] {
            read_with(pod, key, &source, short.clone()).await;
        }
        until("it is over", async || !one.keeps(key) && !two.keeps(key)).await;
        let late = source.commit();
        // In Redis it may last a moment longer.
        until("a factory runs behind its caller", async || {
            let reading = read_behind(&one, key, &source, &gate, slow.clone());
            let (value, outcome) = reading.await.unwrap();
            assert_eq!(value, OLD, "{key}: {outcome:?}");
            outcome.is_stale() && gate.arrived() > 0
        })
        .await;
        match how {
            Some(how) => {
                heard_of(&[&one, &two], &two, how, key, &source).await;
                gate.open();
                tokio::time::sleep(Duration::from_millis(20)).await;
                let stored = value_in(&server, key).await;
                let is_purge = !["remove", "expire", "batch", "set"].contains(&how);
                assert!(is_purge || stored != Some(late), "{how}");
                agree(&[&two, &one], key, &source, how).await;
            }
            None => {
                gate.open();
                until("it is shared", async || {
                    value_in(&server, key).await == Some(late)
                })
                .await;
                let runs = source.runs();
                agree(&[&two, &one], key, &source, key).await;
                assert_eq!(source.runs(), runs, "the peer has it from Redis");
            }
        }
    }
}
