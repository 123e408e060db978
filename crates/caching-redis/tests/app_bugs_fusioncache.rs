//! Bugs that users of FusionCache have reported, each by its number, on applications over a real server.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::time::Duration;

use app_support::*;
use caching_core::{EagerRefresh, EntryOptions};
use caching_testkit::{Fault, FaultProxy, Gate, RedisServer};

const OLD: u64 = 7_000_000;
/// Whoever does not join a load waits for its claim no longer than this.
const IMPATIENT: &str = "cache.defaults.factory_soft_limit = \"100ms\"";

fn none() -> EntryOptions {
    EntryOptions::new()
}

/// Two pods that hear each other, and one that has never read anything.
async fn three(server: &RedisServer) -> [Pod; 3] {
    let pods = [
        Pod::with(server, IMPATIENT).await,
        Pod::with(server, IMPATIENT).await,
        Pod::with(server, IMPATIENT).await,
    ];
    for pod in &pods {
        until("it hears", async || pod.shared_status().unwrap().is_hearing).await;
    }
    pods
}

/// A purge by tag while an entry is being loaded is ignored, since the entry is dated when its
/// factory ends: <https://github.com/ZiggyCreatures/FusionCache/issues/535>.
#[tokio::test]
async fn fusioncache_535_a_tag_that_is_removed_during_a_load_is_not_ignored() {
    let server = RedisServer::start().await.unwrap();
    let [loader, other, cold] = three(&server).await;
    for (key, remover) in [("own", &loader), ("other", &other)] {
        let (source, gate) = (Source::of(OLD), Gate::closed());
        let loading = read_behind(&loader, key, &source, &gate, none());
        gate.arrivals(1).await;
        let all = [&loader, &other, &cold];
        heard_of(&all, remover, "remove_by_tag", key, &source).await;
        gate.open();
        assert_eq!(loading.await.unwrap().0, OLD, "its own caller");
        // What it has stored, if anything, is from before the purge for everybody.
        assert_eq!(read_with(&cold, key, &source, none()).await.0, OLD + 1);
        agree(&all, key, &source, key).await;
        assert_eq!(value_in(&server, key).await, Some(OLD + 1));
    }
}

/// A request between the invalidation of L1 and that of L2 puts the old value of L2 back into L1,
/// where it stays: <https://github.com/ZiggyCreatures/FusionCache/issues/613>.
#[tokio::test]
async fn fusioncache_613_a_fetch_during_an_invalidation_puts_nothing_old_into_l1() {
    let server = RedisServer::start().await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    // Its own notice would drop the value once more: it hears none.
    let url = deaf_url(&server, proxy.address()).await;
    let pod = Pod::at(&url, "cache.coherence.heartbeat = \"500ms\"").await;
    let mut fetched = 0;
    for (round, how) in ["remove", "expire"].iter().cycle().enumerate() {
        if fetched >= 3 {
            break;
        }
        assert!(round < 500, "no fetch came between the two");
        let (key, source) = (format!("{round}"), Source::of(OLD));
        fill(&[&pod], &key, &source).await;
        stored(&server, &plain(&key)).await;
        // What was sent later may arrive earlier, on another connection.
        proxy.set_to_server(Fault::Delay {
            latency: Duration::ZERO,
            jitter: Duration::from_millis(10),
        });
        let newest = source.commit();
        let (cache, key_of, source_of) = ((*pod).clone(), key.clone(), source.clone());
        let invalidating =
            tokio::spawn(async move { invalidate(&cache, how, &key_of, &source_of).await });
        until("it has begun", async || !pod.keeps(&key)).await;
        while !invalidating.is_finished() {
            let (_, outcome) = read_with(&pod, &key, &source, none()).await;
            fetched += u32::from(outcome == L2_HIT);
        }
        assert!(invalidating.await.unwrap().is_applied());
        let (value, outcome) = read_with(&pod, &key, &source, none()).await;
        assert_eq!(value, newest, "{how}: {outcome:?}");
        proxy.heal();
    }
}

/// A removal during a load: the load still populates the cache, and a reader that comes after it
/// joins the load: <https://github.com/ZiggyCreatures/FusionCache/issues/625>.
#[tokio::test]
async fn fusioncache_625_a_remove_during_a_load_is_not_followed_by_the_old_value() {
    let server = RedisServer::start().await.unwrap();
    let [loader, other, cold] = three(&server).await;
    for (key, remover) in [("own", &loader), ("other", &other)] {
        let (source, gate) = (Source::of(OLD), Gate::closed());
        let all = [&loader, &other, &cold];
        let first = read_behind(&loader, key, &source, &gate, none());
        gate.arrivals(1).await;
        heard_of(&all, remover, "remove", key, &source).await;
        assert_eq!(value_in(&server, key).await, None);
        let (value, _) = read_with(&loader, key, &source, none()).await;
        assert_eq!(value, OLD + 1, "{key}: while it still runs");
        gate.open();
        assert_eq!(first.await.unwrap().0, OLD, "{key}");
        agree(&all, key, &source, key).await;
        assert_eq!(value_in(&server, key).await, Some(OLD + 1), "{key}");
    }
}

/// A removal by tag is lost when it races an early refresh, whose entry is dated when its factory
/// ends: <https://github.com/ZiggyCreatures/FusionCache/issues/628>.
#[tokio::test]
async fn fusioncache_628_a_tag_that_is_removed_during_an_early_refresh_is_not_lost() {
    let server = RedisServer::start().await.unwrap();
    let [loader, other, cold] = three(&server).await;
    let eager = none()
        .duration(Duration::from_secs(3600))
        .eager_refresh(EagerRefresh::At(0.000_01));
    for (key, remover) in [("own", &loader), ("other", &other)] {
        let (source, gate) = (Source::of(OLD), Gate::closed());
        let all = [&loader, &other, &cold];
        read_with(&loader, key, &source, eager.clone()).await;
        until("it is being refreshed", async || {
            let hit = read_behind(&loader, key, &source, &gate, eager.clone());
            assert_eq!(hit.await.unwrap(), (OLD, L1_HIT));
            gate.arrived() > 0
        })
        .await;
        heard_of(&all, remover, "remove_by_tag", key, &source).await;
        gate.open();
        tokio::time::sleep(Duration::from_millis(20)).await;
        agree(&all, key, &source, key).await;
        assert_eq!(value_in(&server, key).await, Some(OLD + 1), "{key}");
    }
}

/// After a clear that shall leave no fallback, fail-safe gives a value that had expired in L2
/// before: <https://github.com/ZiggyCreatures/FusionCache/issues/648>.
#[tokio::test]
async fn fusioncache_648_a_clear_leaves_no_fallback_of_what_had_expired_in_redis() {
    let server = RedisServer::start().await.unwrap();
    for how in ["clear", "clear_all_scopes"] {
        let source = Source::of(OLD);
        let one = Pod::start(&server).await;
        let short = none().duration(Duration::from_millis(50));
        read_with(&one, how, &source, short).await;
        stored(&server, &plain(how)).await;
        until("it is over", async || !one.keeps(how)).await;
        let before = Pod::start(&server).await;
        until("up to here it is one", async || {
            let (value, outcome) = read_broken(&before, how).await.unwrap();
            value == OLD && outcome.is_stale()
        })
        .await;
        heard_of(&[&one, &before], &one, how, how, &source).await;
        // Its bytes may stand there for as long as they were to be kept.
        assert_eq!(value_in(&server, how).await, Some(OLD));
        // One with nothing in L1, too.
        let after = Pod::start(&server).await;
        for pod in [&one, &before, &after] {
            assert_eq!(read_broken(pod, how).await, None, "{how}");
        }
    }
}
