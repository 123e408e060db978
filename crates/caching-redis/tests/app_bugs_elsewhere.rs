//! Bugs that users of .NET's hybrid cache, Ignite and Caffeine have reported, each by its number, on
//! applications over a real server.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::convert::Infallible;
use std::time::Duration;

use app_support::*;
use caching_core::{EagerRefresh, EntryOptions, Limit};
use caching_testkit::{Fault, Gate, RedisServer};

const OLD: u64 = 7_000_000;

fn none() -> EntryOptions {
    EntryOptions::new()
}

/// An instance that has once looked up when a tag was removed never learns of a later removal by
/// another, and goes on taking the entry from L2:
/// <https://github.com/dotnet/extensions/issues/7411>.
#[tokio::test]
async fn dotnet_extensions_7411_what_was_known_of_a_tag_does_not_stay_for_ever() {
    let server = RedisServer::start().await.unwrap();
    let (url, source) = (deaf_url(&server, server.address()).await, Source::of(OLD));
    let remover = Pod::start(&server).await;
    let early = Pod::at(&url, "").await;
    fill(&[&remover], "a", &source).await;
    fill(&[&remover], "b", &source).await;
    assert!(remover.remove_by_tag("blue").await.unwrap().is_applied());
    // It comes after a removal, so that it has to look up which tags those were.
    let late = Pod::at(&url, "").await;
    let asked = [&early, &late];
    fill(&asked, "a", &source).await;
    assert_eq!(source.runs(), 2, "they took it from Redis");
    source.commit();
    assert!(remover.remove_by_tag("red").await.unwrap().is_applied());
    after_the_bound(async {}).await;
    agree(&asked, "a", &source, "what L1 had").await;
    for pod in asked {
        let (value, outcome) = read_with(pod, "b", &source, none()).await;
        assert_eq!(value, OLD + 1, "what stood in Redis: {outcome:?}");
        assert_eq!(pod.stats().notices, 0, "nobody has told it");
    }
}

/// While the time of a tag's removal is still on its way from L2, the removal is missed and the
/// removed entry given: <https://github.com/dotnet/extensions/issues/7771>.
#[tokio::test]
async fn dotnet_extensions_7771_an_entry_is_not_given_before_it_is_known_when_its_tags_were_removed()
 {
    let server = RedisServer::start().await.unwrap();
    let writer = Pod::start(&server).await;
    let late = Fault::delay(Duration::from_millis(40));
    let cut_after = |bytes| Fault::CutAfter { bytes };
    let faults = (0..16)
        .map(|n| cut_after(n * 24))
        .chain([late, Fault::Hold]);
    for (number, fault) in faults.enumerate() {
        let (key, source) = (format!("{number}"), Source::of(OLD));
        fill(&[&writer], &key, &source).await;
        stored(&server, &plain(&key)).await;
        source.commit();
        assert!(writer.remove_by_tag("red").await.unwrap().is_applied());
        // It comes after the removal, so that it has to ask.
        let limits = "cache.l2.read_soft_limit = \"150ms\"\ncache.l2.read_hard_limit = \"150ms\"";
        let (asking, proxy) = through(&server, limits).await;
        proxy.set_to_client(fault);
        let (value, outcome) = read_with(&asking, &key, &source, none()).await;
        assert_eq!(value, OLD + 1, "{fault:?}: {outcome:?}");
        assert_eq!(asking.stats().l2_hits, 0, "{fault:?}");
    }
}

/// The update of another node overtakes the answer to an own put: the near cache keeps the own,
/// older value for ever and is told of nothing any more:
/// <https://issues.apache.org/jira/browse/IGNITE-627>, <https://github.com/apache/ignite/pull/13316>.
#[tokio::test]
async fn ignite_627_a_notice_that_overtakes_the_answer_to_an_own_set_is_not_lost() {
    let server = RedisServer::start().await.unwrap();
    let settings = "cache.redis.connections = 1\ncache.compress_above = \"off\"\n\
                    cache.l2.write_limit = \"10s\"\ncache.l2.read_hard_limit = \"10s\"";
    let other = Pod::with(&server, settings).await;
    let long = |_| async { Ok::<_, Infallible>("x".repeat(200_000)) };
    other.get_or_set("long", long).await.unwrap();
    stored(&server, &plain("long")).await;
    let (own, proxy) = through(&server, settings).await;
    until("it hears", async || own.shared_status().unwrap().is_hearing).await;

    // On the one connection for answers, that to the set stands behind a long one.
    proxy.set_to_client(Fault::Slow {
        bytes_per_second: 200_000,
    });
    let (cache, before) = ((*own).clone(), reads(&server).await);
    let reading = tokio::spawn(async move { cache.get::<_, String>("long").await });
    until("it is on the way", async || reads(&server).await > before).await;
    let cache = (*own).clone();
    let setting = tokio::spawn(async move { cache.set("a", OLD).await });
    until("it is there", async || {
        value_in(&server, "a").await == Some(OLD)
    })
    .await;
    until("the other one hears of it", async || has_heard(&other) > 0).await;
    let told = own.stats().notices;
    assert!(other.set("a", OLD + 1).await.unwrap().is_applied());
    until("it was told", async || own.stats().notices > told).await;
    assert!(!setting.is_finished(), "before it was answered");
    assert!(setting.await.unwrap().unwrap().is_applied());
    assert!(reading.await.unwrap().unwrap().is_some());
    proxy.heal();
    let source = Source::of(OLD + 1);
    agree(&[&own, &other], "a", &source, "after it was answered").await;
    // And it goes on being told.
    heard_of(&[&own, &other], &other, "set", "a", &source).await;
    agree(&[&own, &other], "a", &source, "what came then").await;
}

/// An invalidation before a refresh has ended: the refresh still stores its value:
/// <https://github.com/ben-manes/caffeine/issues/193>.
#[tokio::test]
async fn caffeine_193_a_refresh_that_ends_after_an_invalidation_stores_nothing() {
    let server = RedisServer::start().await.unwrap();
    let (own, other) = (Pod::start(&server).await, Pod::start(&server).await);
    let eager = none()
        .duration(Duration::from_secs(3600))
        .eager_refresh(EagerRefresh::At(0.000_01));
    for (key, remover) in [("own", &own), ("other", &other)] {
        let (source, gate) = (Source::of(OLD), Gate::closed());
        read_with(&own, key, &source, eager.clone()).await;
        until("it is being refreshed", async || {
            let hit = read_behind(&own, key, &source, &gate, eager.clone());
            hit.await.unwrap();
            gate.arrived() > 0
        })
        .await;
        heard_of(&[&own, &other], remover, "remove", key, &source).await;
        gate.open();
        after_the_bound(async {}).await;
        for pod in [&own, &other] {
            let found = pod.get::<_, u64>(key).await.unwrap();
            assert_eq!(found, None, "{key}: it came back");
        }
        assert_eq!(value_in(&server, key).await, None, "{key}");
    }
}

/// A refresh that does not end keeps the old value alive past its expiration:
/// <https://github.com/ben-manes/caffeine/issues/251>, as
/// <https://github.com/ben-manes/caffeine/issues/373> sums it up.
#[tokio::test]
async fn caffeine_251_a_refresh_that_does_not_end_keeps_no_value_past_its_duration() {
    let server = RedisServer::start().await.unwrap();
    let (own, other) = (Pod::start(&server).await, Pod::start(&server).await);
    let (source, never) = (Source::of(OLD), Gate::closed());
    let eager = none()
        .duration(Duration::from_millis(800))
        .throttle(Duration::from_millis(50))
        .factory_soft_limit(Limit::After(Duration::from_millis(50)))
        .factory_hard_limit(Limit::After(Duration::from_millis(1500)))
        .eager_refresh(EagerRefresh::At(0.05));
    read_with(&own, "a", &source, eager.clone()).await;
    stored(&server, &plain("a")).await;
    until("it is being refreshed", async || {
        let hit = read_behind(&own, "a", &source, &never, eager.clone());
        hit.await.unwrap();
        never.arrived() > 0
    })
    .await;
    source.commit();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    for pod in [&own, &other] {
        assert_eq!(pod.get::<_, u64>("a").await.unwrap(), None, "strict");
    }
    let (value, outcome) = read_with(&own, "a", &source, eager.clone()).await;
    assert!(
        value == OLD + 1 || outcome.is_stale(),
        "{value}: {outcome:?}"
    );
    agree(&[&own, &other], "a", &source, "after its hard limit").await;
    assert_eq!(value_in(&server, "a").await, Some(OLD + 1));
}
