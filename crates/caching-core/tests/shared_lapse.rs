//! A lease that ends: values are not trusted, the source is not stormed, and soon all is as before.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use caching_core::{EntryOptions, HybridCache, Level, Limit, Outcome};
use caching_testkit::{Gate, L2Operation};
use support::SECOND;
use support::pods::{
    BOUND, HEARTBEAT, Pod, Truth, agree, fill, live, moment, pod, pod_with, read, read_broken,
    store,
};
use tokio::time::Instant;

const KEYS: usize = 10;

/// When each factory began, by pod and key.
type Runs = Arc<Mutex<HashMap<(usize, usize), Vec<Instant>>>>;

/// Reads all keys over and over, as several callers of a pod.
fn load(number: usize, cache: &HybridCache, runs: &Runs) -> Vec<tokio::task::JoinHandle<()>> {
    let caller = |n: usize| {
        let (cache, runs) = (cache.clone(), Arc::clone(runs));
        tokio::spawn(async move {
            loop {
                for key in 0..KEYS {
                    let key = (key + n) % KEYS;
                    let runs = Arc::clone(&runs);
                    let factory = move |_| async move {
                        let mut runs = runs.lock().unwrap();
                        runs.entry((number, key)).or_default().push(Instant::now());
                        Ok::<_, std::io::Error>(7_u64)
                    };
                    let value = cache.get_or_set(&format!("{key}"), factory).await;
                    assert_eq!(*value.unwrap(), 7);
                }
                live(Duration::from_millis(10)).await;
            }
        })
    };
    (0..5).map(caller).collect()
}

#[tokio::test(start_paused = true)]
async fn a_freeze_of_the_store_costs_at_most_one_load_a_key_bound_and_pod() {
    let store = store();
    let pods = [pod(&store).await, pod(&store).await];
    let runs = Runs::default();
    let callers: Vec<_> = pods
        .iter()
        .enumerate()
        .flat_map(|(number, pod)| load(number, pod, &runs))
        .collect();
    live(2 * SECOND).await;
    runs.lock().unwrap().clear();
    let gate = Gate::closed();
    pods.iter().for_each(|pod| pod.freeze_store(&gate));
    live(3 * SECOND).await;
    gate.open();
    pods.iter().for_each(Pod::heal);
    live(2 * HEARTBEAT).await;
    let thawed = Instant::now();
    live(3 * SECOND).await;
    for caller in callers {
        assert!(!caller.is_finished(), "nobody failed");
        caller.abort();
    }
    let runs = runs.lock().unwrap();
    assert!(!runs.is_empty(), "the freeze had no effect");
    for (place, times) in runs.iter() {
        for pair in times.windows(2) {
            let apart = pair[1] - pair[0];
            assert!(apart >= BOUND, "{place:?}: {apart:?} apart");
        }
        let last = times.last().unwrap();
        assert!(
            *last <= thawed,
            "{place:?}: hits again within two heartbeats"
        );
    }
    for pod in &pods {
        assert!(pod.is_leased() && pod.stats().lapses == 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_starved_runtime_costs_no_load_at_all() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    let hit = Outcome::Hit {
        level: Level::L1,
        stale: false,
    };
    let reads = a.l2.calls(L2Operation::Read);
    for _ in 0..5 {
        tokio::time::advance(2 * SECOND).await; // and nothing ran meanwhile
        assert_eq!(read(&a, &truth).await, (1, hit));
    }
    assert_eq!((truth.runs(), a.l2.calls(L2Operation::Read)), (1, reads));
}

#[tokio::test(start_paused = true)]
async fn a_starved_runtime_gives_nothing_that_was_invalidated_meanwhile() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    a.be_deaf();
    truth.commit();
    assert!(b.remove("key").await.unwrap().is_applied());
    a.heal();
    tokio::time::advance(2 * SECOND).await;
    agree(&[&a, &b], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_lapse_the_source_is_asked_and_its_value_kept_for_the_bound() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    a.lose_store();
    live(2 * BOUND).await;
    assert!(!a.is_leased());
    for _ in 0..3 {
        let before = truth.commit();
        let runs = truth.runs();
        for _ in 0..9 {
            assert_eq!(read(&a, &truth).await.0, before);
            live(BOUND / 10).await;
        }
        assert_eq!(truth.runs(), runs + 1, "one load a bound");
        live(BOUND / 10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_without_a_lease_is_dropped_by_an_own_invalidation() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    a.lose_store();
    live(2 * BOUND).await;
    for how in support::pods::INVALIDATIONS {
        assert_eq!(read(&a, &truth).await.0, truth.version(), "{how}");
        truth.commit();
        let queued = support::pods::invalidate(&a, how, &truth).await;
        assert!(!queued.is_applied());
        // Dirty, and still one load a bound: it began after the invalidation.
        let runs = truth.runs();
        for _ in 0..3 {
            assert_eq!(read(&a, &truth).await.0, truth.version(), "{how}");
        }
        assert_eq!(truth.runs(), runs + 1, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_profile_may_serve_stale_values_after_a_lapse_labelled_so_and_for_so_long() {
    let toml = "[defaults]\nserve_stale = '10s'";
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod_with(&store, toml).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    truth.commit();
    a.lose_store();
    assert!(b.remove("key").await.unwrap().is_applied());
    live(2 * BOUND).await;
    let (value, outcome) = read(&a, &truth).await;
    assert!(value == 1 && outcome.is_stale());
    assert_eq!(truth.runs(), 1);
    assert_eq!(a.get::<_, u64>("key").await.unwrap(), None, "strict");
    live(10 * SECOND).await;
    assert_eq!(read(&a, &truth).await.0, 2, "for so long and no longer");
}

#[tokio::test(start_paused = true)]
async fn after_a_lapse_with_the_source_away_too_the_value_is_labelled_stale() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    a.lose_store();
    live(2 * BOUND).await;
    let (value, outcome) = read_broken(&a, &truth).await.unwrap();
    assert!(value == 1 && outcome.is_stale());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_store_that_is_known_to_be_away() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    a.freeze_store(&Gate::closed());
    live(5 * SECOND).await;
    for n in 0..5 {
        let begun = Instant::now();
        a.get_or_set(&format!("{n}"), truth.load()).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn two_heartbeats_after_the_store_is_back_there_are_hits_again() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    fill(&[&a], &truth).await;
    for _ in 0..3 {
        a.lose_store();
        live(10 * SECOND).await;
        a.heal();
        live(2 * HEARTBEAT).await;
        assert!(read(&a, &truth).await.1.is_hit());
    }
    moment().await;
    assert_eq!(truth.runs(), 1);
}

/// A pod that gives a stale value in place of an error, and whose lease is over; the store would answer.
async fn lapsed_with_a_fallback(truth: &Truth) -> Pod {
    let a = pod(&store()).await;
    fill(&[&a], truth).await;
    assert!(a.expire("key").await.unwrap().is_applied());
    assert!(read_broken(&a, truth).await.unwrap().1.is_stale());
    tokio::time::advance(2 * SECOND).await; // and nothing ran meanwhile
    assert!(!a.is_leased());
    a
}

#[tokio::test(start_paused = true)]
async fn a_get_that_regains_the_lease_gives_a_stale_value_only_when_asked() {
    let truth = Truth::new();
    for allowed in [false, true] {
        let a = lapsed_with_a_fallback(&truth).await;
        let before = a.stats();
        let get = a.get::<_, u64>("key");
        let get = if allowed { get.allow_stale() } else { get };
        let read = get.detailed().await.unwrap();
        assert!(a.is_leased());
        let given = (read.value.as_deref().copied(), read.outcome.is_stale());
        assert_eq!(
            given,
            if allowed {
                (Some(1), true)
            } else {
                (None, false)
            }
        );
        let stats = a.stats();
        assert_eq!(stats.hits, before.hits);
        assert_eq!(stats.stale_hits - before.stale_hits, u64::from(allowed));
        assert_eq!(stats.misses - before.misses, u64::from(!allowed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_may_take_stale_values_after_a_lapse_or_refuse_them_whatever_its_profile_says() {
    for (profile, call, given) in [
        ("off", Limit::After(10 * SECOND), 1),
        ("10s", Limit::Off, 2),
    ] {
        let (store, truth) = (store(), Truth::new());
        let a = pod_with(&store, &format!("[defaults]\nserve_stale = '{profile}'")).await;
        fill(&[&a], &truth).await;
        truth.commit();
        a.lose_store();
        live(2 * BOUND).await;
        let load = a.get_or_set("key", truth.load());
        let load = load.options(EntryOptions::new().serve_stale(call));
        let read = load.detailed().await.unwrap();
        assert_eq!(*read.value, given, "{profile}");
        assert_eq!(read.outcome.is_stale(), given == 1, "{profile}");
    }
}
