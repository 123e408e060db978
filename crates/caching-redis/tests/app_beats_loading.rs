//! Invalidation beats loading, on applications over a real server: whatever loads, and whoever invalidates.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::time::Duration;

use app_support::*;
use caching_core::{EagerRefresh, EntryOptions, HybridCache, Limit, Outcome};
use caching_testkit::{Fault, FaultProxy, Gate, RedisServer};

/// The first number of sources here, long enough not to be met by chance.
const OLD: u64 = 7_000_000;

/// A pod that loads, behind a proxy; one that invalidates; one that has nothing in L1.
struct World {
    server: RedisServer,
    loader: Pod,
    proxy: FaultProxy,
    other: Pod,
    cold: Pod,
    source: Source,
}

impl World {
    async fn start() -> Self {
        let server = RedisServer::start().await.unwrap();
        // Whoever does not join a load waits for its claim no longer than this.
        let settings = "cache.defaults.factory_soft_limit = \"100ms\"";
        let (loader, proxy) = through(&server, settings).await;
        let other = Pod::with(&server, settings).await;
        let cold = Pod::with(&server, settings).await;
        let source = Source::of(OLD);
        for pod in [&loader, &other, &cold] {
            pod.read("warm", &source).await; // connected, and told of what comes
            until("it hears", async || pod.shared_status().unwrap().is_hearing).await;
        }
        Self {
            server,
            loader,
            proxy,
            other,
            cold,
            source,
        }
    }

    /// Everything that invalidates, by the pod that loads and by another, each for a key of its own.
    fn cases(&self) -> Vec<(&'static str, &HybridCache, String)> {
        let writers: [(&str, &HybridCache); 2] = [("own", &self.loader), ("other", &self.other)];
        let of = |how| writers.map(|(by, writer)| (how, writer, format!("{how}-{by}")));
        INVALIDATIONS.into_iter().flat_map(of).collect()
    }

    /// Invalidates, and waits until all have heard of it.
    async fn invalidate(&self, (how, writer, key): &(&str, &HybridCache, String)) -> u64 {
        let pods = [&self.loader, &self.other, &self.cold];
        heard_of(&pods, writer, how, key, &self.source).await
    }

    /// The old value is nowhere, or nobody is given it.
    async fn ends_well(&self, (how, _, key): &(&str, &HybridCache, String), old: u64) {
        // What a purge has hidden may stand there, and an expired value as a fallback.
        if ["remove", "batch", "set"].contains(how) {
            assert_ne!(value_in(&self.server, key).await, Some(old), "{key}");
        }
        let pods = [&self.loader, &self.cold, &self.other];
        agree(&pods, key, &self.source, key).await;
        let stored = value_in(&self.server, key).await;
        assert_eq!(stored, Some(self.source.value()), "{key}");
        assert!(!is_marked_expired(&self.server, key).await, "{key}");
    }
}

#[tokio::test]
async fn the_late_value_of_a_running_factory_is_stored_nowhere_and_given_to_no_later_read() {
    let world = World::start().await;
    for case in world.cases() {
        let (how, _, key) = &case;
        let (gate, none) = (Gate::closed(), EntryOptions::new());
        let before = read_behind(&world.loader, key, &world.source, &gate, none.clone());
        gate.arrivals(1).await;
        let newest = world.invalidate(&case).await;
        gate.open();
        let (value, outcome) = before.await.unwrap();
        assert_eq!(value, newest - 1, "{key}: it goes to its own caller");
        let is_purge = !["remove", "expire", "batch", "set"].contains(how);
        let is_stored = matches!(outcome, Outcome::Miss { stored: true, .. });
        assert!(is_purge || !is_stored, "{key}: {outcome:?}");
        world.ends_well(&case, newest - 1).await;
    }
}

#[tokio::test]
async fn a_caller_that_arrives_after_an_invalidation_does_not_join_the_older_flight() {
    let world = World::start().await;
    for case in world.cases() {
        let (_, _, key) = &case;
        let (gate, none) = (Gate::closed(), EntryOptions::new());
        let before = read_behind(&world.loader, key, &world.source, &gate, none.clone());
        gate.arrivals(1).await;
        // One that comes before the invalidation may join.
        let own = Gate::opened();
        let joined = read_behind(&world.loader, key, &world.source, &own, none.clone());
        tokio::time::sleep(Duration::from_millis(2)).await;
        let newest = world.invalidate(&case).await;
        let late = read_with(&world.loader, key, &world.source, none);
        assert_eq!(late.await.0, newest, "{key}: it joined the past");
        gate.open();
        assert_eq!(before.await.unwrap().0, newest - 1, "{key}");
        joined.await.unwrap();
        world.ends_well(&case, newest - 1).await;
    }
}

#[tokio::test]
async fn an_eager_refresh_from_before_an_invalidation_is_stored_nowhere() {
    let world = World::start().await;
    // From 36 ms on.
    let eager = EntryOptions::new()
        .duration(Duration::from_secs(3600))
        .eager_refresh(EagerRefresh::At(0.000_01));
    for case in world.cases() {
        let (_, _, key) = &case;
        read_with(&world.loader, key, &world.source, eager.clone()).await;
        let old = world.source.value();
        let gate = Gate::closed();
        until("it is being refreshed", async || {
            let hit = read_behind(&world.loader, key, &world.source, &gate, eager.clone());
            assert_eq!(hit.await.unwrap(), (old, L1_HIT), "{key}");
            gate.arrived() > 0
        })
        .await;
        let newest = world.invalidate(&case).await;
        assert_eq!(newest, old + 1);
        gate.open();
        world.ends_well(&case, old).await;
        // Nor a moment later.
        tokio::time::sleep(Duration::from_millis(10)).await;
        world.ends_well(&case, old).await;
    }
}

#[tokio::test]
async fn a_background_completion_from_before_an_invalidation_is_stored_nowhere() {
    let world = World::start().await;
    let short = EntryOptions::new().duration(Duration::from_millis(30));
    let slow = EntryOptions::new().factory_soft_limit(Limit::After(Duration::from_millis(20)));
    for case in world.cases() {
        let (_, _, key) = &case;
        read_with(&world.loader, key, &world.source, short.clone()).await;
        until("it is over", async || !world.loader.keeps(key)).await;
        let old = world.source.value();
        let gate = Gate::closed();
        // In Redis it may last a moment longer.
        until("a factory runs behind its caller", async || {
            let late = read_behind(&world.loader, key, &world.source, &gate, slow.clone());
            let (value, outcome) = late.await.unwrap();
            assert_eq!(value, old, "{key}: {outcome:?}");
            outcome.is_stale() && gate.arrived() > 0
        })
        .await;
        world.invalidate(&case).await;
        gate.open();
        world.ends_well(&case, old).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        world.ends_well(&case, old).await;
    }
}

#[tokio::test]
async fn a_fill_from_redis_that_began_before_an_invalidation_is_not_kept() {
    let world = World::start().await;
    let none = EntryOptions::new();
    for case in world.cases() {
        let (how, writer, key) = &case;
        read_with(&world.other, key, &world.source, none.clone()).await;
        let old = world.source.value();
        stored(&world.server, &plain(key)).await;
        let before = reads(&world.server).await;
        world.proxy.set_to_client(Fault::Hold);
        let shut = Gate::opened();
        let reading = read_behind(&world.loader, key, &world.source, &shut, none.clone());
        until("Redis has answered", async || {
            reads(&world.server).await > before
        })
        .await;
        let heard = has_heard(&world.loader);
        world.source.commit();
        // The answer to an own one is held up, too, and that it was applied is seen in the log.
        let length = async || {
            redis(&world.server, ["XLEN", "{shop}:@log"])
                .await
                .integer()
        };
        let logged = length().await;
        let (cache, key_of, source) = ((*writer).clone(), key.clone(), world.source.clone());
        let how_of = *how;
        let telling =
            tokio::spawn(async move { invalidate(&cache, how_of, &key_of, &source).await });
        until("it is applied", async || length().await > logged).await;
        assert!(!reading.is_finished(), "{key}: its answer is on the way");
        world.proxy.heal();
        assert!(telling.await.unwrap().is_applied(), "{key}");
        reading.await.unwrap();
        until("it is heard of", async || has_heard(&world.loader) > heard).await;
        world.ends_well(&case, old).await;
    }
}
