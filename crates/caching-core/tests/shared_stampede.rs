//! One factory a key over all pods, where the store can be asked; correctness never waits for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{HybridCacheBuilder, L2ErrorKind};
use caching_testkit::{Gate, L2Fault, L2Operation};
use support::pods::{
    BOUND, Pod, Truth, agree, fill, live, moment, pod, read, read_behind, started, store, unstarted,
};
use support::{MINUTE, SECOND};

const PODS: usize = 4;

async fn pods(store: &caching_core::MemoryStore) -> Vec<Pod> {
    let mut pods = Vec::new();
    for _ in 0..PODS {
        pods.push(pod(store).await);
    }
    pods
}

#[tokio::test(start_paused = true)]
async fn a_cold_key_is_loaded_once_over_all_pods() {
    for callers in [1, 25] {
        let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
        let pods = pods(&store).await;
        let reads: Vec<_> = (0..callers)
            .flat_map(|_| pods.iter())
            .map(|pod| read_behind(pod, &truth, &gate))
            .collect();
        live(SECOND / 2).await;
        gate.open();
        for read in reads {
            assert_eq!(read.await.unwrap().0, 1);
        }
        assert_eq!(truth.runs(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_refresh_runs_once_over_all_pods() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let pods = pods(&store).await;
    fill(&pods.iter().collect::<Vec<_>>(), &truth).await;
    live(4 * MINUTE).await;
    truth.commit();
    for pod in &pods {
        assert_eq!(read_behind(pod, &truth, &gate).await.unwrap().0, 1);
    }
    moment().await;
    gate.open();
    moment().await;
    assert_eq!(truth.runs(), 2, "one load at first, one refresh");
    live(5 * MINUTE).await;
}

#[tokio::test(start_paused = true)]
async fn an_expired_key_is_loaded_once_over_all_pods() {
    let (store, truth) = (store(), Truth::new());
    let pods = pods(&store).await;
    let all: Vec<_> = pods.iter().collect();
    fill(&all, &truth).await;
    for expiry in 2..6 {
        live(5 * MINUTE).await;
        truth.commit();
        let gate = Gate::closed();
        let reads: Vec<_> = all
            .iter()
            .map(|pod| read_behind(pod, &truth, &gate))
            .collect();
        live(SECOND / 2).await;
        gate.open();
        for read in reads {
            assert_eq!(read.await.unwrap().0, truth.version());
        }
        assert_eq!(truth.runs(), expiry, "1.00 loads a key and expiry");
    }
}

#[tokio::test(start_paused = true)]
async fn different_prefixes_do_not_block_each_other() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let a = pod(&store).await;
    let named = |builder: HybridCacheBuilder| {
        builder.config(toml::from_str("key_prefix = 'other'").unwrap())
    };
    let other = started(unstarted(&store, "", named)).await;
    let first = read_behind(&a, &truth, &gate);
    gate.arrivals(1).await;
    let begun = tokio::time::Instant::now();
    read(&other, &truth).await;
    assert_eq!(begun.elapsed().as_millis(), 0);
    gate.open();
    first.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn with_the_store_away_each_pod_loads_once() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let pods = pods(&store).await;
    pods.iter().for_each(Pod::lose_store);
    let reads: Vec<_> = (0..10)
        .flat_map(|_| pods.iter())
        .map(|pod| read_behind(pod, &truth, &gate))
        .collect();
    live(SECOND / 2).await;
    gate.open();
    for read in reads {
        assert_eq!(read.await.unwrap().0, 1);
    }
    assert_eq!(truth.runs(), PODS);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_takes_too_long_or_died_with_the_right_to_load_holds_nobody_up() {
    let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let slow = read_behind(&a, &truth, &gate);
    gate.arrivals(1).await;
    let begun = tokio::time::Instant::now();
    read(&b, &truth).await;
    assert!(
        begun.elapsed() <= 2 * SECOND + SECOND / 5,
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(truth.runs(), 2);
    gate.open();
    slow.await.unwrap();
    agree(&[&a, &b], &truth).await;
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_or_is_given_up_hands_the_right_to_load_on() {
    for is_given_up in [true, false] {
        let (store, truth, gate) = (store(), Truth::new(), Gate::closed());
        let (a, b) = (pod(&store).await, pod(&store).await);
        if is_given_up {
            let first = read_behind(&a, &truth, &gate);
            gate.arrivals(1).await;
            first.abort();
        } else {
            assert_eq!(support::pods::read_broken(&a, &truth).await, None);
        }
        moment().await;
        let begun = tokio::time::Instant::now();
        read(&b, &truth).await;
        assert_eq!(begun.elapsed().as_millis(), 0, "nobody has the right");
    }
}

#[tokio::test(start_paused = true)]
async fn whose_turn_it_is_guards_nothing() {
    // Both have the right to load, as after a claim that the store has lost.
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let gate = Gate::closed();
    let gone = L2Fault::Fail(L2ErrorKind::Unavailable);
    for pod in [&a, &b] {
        pod.l2.set(L2Operation::Claim, gone.clone());
    }
    let before = read_behind(&a, &truth, &gate);
    gate.arrivals(1).await;
    truth.commit();
    assert!(b.remove("key").await.unwrap().is_applied());
    assert_eq!(read(&b, &truth).await.0, 2);
    gate.open();
    before.await.unwrap();
    live(BOUND).await;
    agree(&[&a, &b], &truth).await;
}
