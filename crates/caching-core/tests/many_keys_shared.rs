//! Many keys in one call, where a store is shared: what other processes have, load and invalidate.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::time::Duration;

use caching_core::{
    Address, Deployment, HybridCache, L2, Level, MemoryStore, Outcome, Partition, Record,
};
use caching_testkit::{Gate, L2Fault, L2Operation};
use support::SECOND;
use support::pods::{BOUND, Pod, live, moment, pod, store};
use support::table::Table;
use tokio::task::JoinHandle;
use tokio::time::Instant;

type Values = Vec<Option<usize>>;

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| "x".repeat(n + 1)).collect()
}

fn lengths(names: &[String]) -> Values {
    names.iter().map(|name| Some(name.len())).collect()
}

async fn read(cache: &HybridCache, keys: &[String], table: &Table) -> Values {
    let found = cache.get_or_set_many(keys, table.load()).await.unwrap();
    found
        .into_iter()
        .map(|value| value.map(|value| *value))
        .collect()
}

/// Reads in a task of its own.
fn reading(cache: &HybridCache, keys: &[String], table: &Table) -> JoinHandle<Values> {
    let (cache, keys, table) = (cache.clone(), keys.to_vec(), table.clone());
    tokio::spawn(async move { read(&cache, &keys, &table).await })
}

fn peek(cache: &HybridCache, key: &str) -> Option<usize> {
    cache.peek::<_, usize>(key).unwrap().map(|value| *value)
}

#[tokio::test(start_paused = true)]
async fn what_the_store_has_of_many_keys_is_not_loaded() {
    let (store, table) = (store(), Table::open());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let keys = names(10);
    read(&a, &keys[..7], &table).await;
    b.l2.set(L2Operation::Read, L2Fault::Delay(Duration::from_millis(20)));
    let begun = Instant::now();
    let found = b.get_many::<_, usize>(&keys).detailed().await.unwrap();
    assert!(begun.elapsed().as_millis() <= 21, "all at the same time");
    let level = Level::L2;
    let hit = Outcome::Hit {
        level,
        stale: false,
    };
    assert!(found[..7].iter().all(|one| one.outcome == hit));
    assert!(found[7..].iter().all(|one| one.value.is_none()));
    let c = pod(&store).await;
    assert_eq!(read(&c, &keys, &table).await, lengths(&keys));
    assert_eq!(table.loads(), [&keys[..7], &keys[7..]]);
    assert_eq!(c.stats().l2_hits, 7);
    assert_eq!(peek(&c, "x"), Some(1), "it is kept here, too");
}

/// Cuts the last byte off what the store has of a key.
async fn damage(store: &MemoryStore, key: &str) {
    let is_of_key = |name: String| name.ends_with(&format!(":{key}"));
    let mut records = store.records().into_iter();
    let stored = records.find(|it| is_of_key(it.key.to_string())).unwrap();
    let mut payload = stored.record.payload;
    payload.pop();
    let record = Record {
        payload,
        duration: support::MINUTE,
        retention: support::MINUTE,
        tags: Vec::new(),
        tag_clock: stored.record.tag_clock,
    };
    let l2 = store.l2();
    l2.open(&Deployment::new("test", BOUND));
    let address = Address::new(Partition::new(0), &stored.key, &stored.field);
    l2.put(address, &record, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_of_one_key_that_is_damaged_leaves_the_others() {
    let (store, table) = (store(), Table::open());
    let (a, b, c) = (pod(&store).await, pod(&store).await, pod(&store).await);
    let keys = names(3);
    read(&a, &keys, &table).await;
    damage(&store, &keys[1]).await;
    moment().await;
    let found = b.get_many::<_, usize>(&keys).await.unwrap();
    let there: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(
        (there, b.stats().l2_unreadable),
        (vec![true, false, true], 1)
    );
    assert_eq!(read(&c, &keys, &table).await, lengths(&keys));
    assert_eq!(
        table.loads()[1..],
        [&keys[1..2]],
        "of the damaged one alone"
    );
    assert!(c.stats().l2_unreadable >= 1);
    let found = b.get_many::<_, usize>(&keys).await.unwrap();
    assert!(found.iter().all(Option::is_some), "it is good again");
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_loaded_once_each_over_all_pods() {
    let (store, table) = (store(), Table::behind(&Gate::closed()));
    let mut pods = Vec::new();
    for _ in 0..3 {
        pods.push(pod(&store).await);
    }
    let keys = names(30);
    let backwards: Vec<String> = keys.iter().rev().cloned().collect();
    let reads = [
        (reading(&pods[0], &keys, &table), lengths(&keys)),
        (reading(&pods[1], &backwards, &table), lengths(&backwards)),
        (reading(&pods[2], &keys[10..], &table), lengths(&keys[10..])),
    ];
    live(SECOND / 2).await;
    table.gate.open();
    let begun = Instant::now();
    for (read, values) in reads {
        assert_eq!(read.await.unwrap(), values);
    }
    assert_eq!(table.loaded(), keys, "each key once");
    assert!(table.loads().len() <= 3, "one call a pod at most");
    assert!(begun.elapsed() < SECOND, "none waits for a limit");
}

#[tokio::test(start_paused = true)]
async fn what_another_pod_takes_too_long_for_holds_nobody_else_up_and_is_loaded_in_one_more_call() {
    let (store, table) = (store(), Table::open());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let (keys, stuck) = (names(10), Table::behind(&Gate::closed()));
    let slow = reading(&a, &keys[..3], &stuck);
    stuck.gate.arrivals(1).await;
    let begun = Instant::now();
    let many = reading(&b, &keys, &table);
    live(SECOND / 10).await;
    assert_eq!(table.loads(), [&keys[3..]], "they wait for nobody");
    assert_eq!(peek(&b, &keys[9]), Some(10));
    assert_eq!(many.await.unwrap(), lengths(&keys));
    assert_eq!(table.loads()[1..], [&keys[..3]]);
    assert!(begun.elapsed() < 3 * SECOND);
    stuck.gate.open();
    slow.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_another_pod_invalidates_during_the_load_concerns_that_key_alone() {
    let (store, table) = (store(), Table::behind(&Gate::closed()));
    let (a, b) = (pod(&store).await, pod(&store).await);
    let keys = names(3);
    let many = reading(&a, &keys, &table);
    table.gate.arrivals(1).await;
    b.remove(&keys[1]).await.unwrap().accept_queued();
    moment().await;
    table.gate.open();
    assert_eq!(many.await.unwrap(), lengths(&keys));
    let kept: Values = keys.iter().map(|key| peek(&a, key)).collect();
    assert_eq!(kept, [Some(1), None, Some(3)]);
    let found = b.get_many::<_, usize>(&keys).await.unwrap();
    let there: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(there, [true, false, true], "in the store neither");
}

#[tokio::test(start_paused = true)]
async fn many_keys_are_removed_by_one_message() {
    let (store, table) = (store(), Table::open());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let keys = names(200);
    read(&a, &keys, &table).await;
    read(&b, &keys, &table).await;
    assert!(a.remove_many(&keys[1..]).await.unwrap().is_applied());
    moment().await;
    assert_eq!((a.stats().notices_sent, b.stats().notices), (1, 1));
    for pod in [&a, &b] {
        let kept = keys.iter().filter(|key| peek(pod, key).is_some());
        assert_eq!(kept.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn many_values_that_are_put_are_seen_by_all_pods() {
    let (store, table) = (store(), Table::open());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let keys = names(100);
    read(&b, &keys, &table).await;
    let pairs = keys.iter().map(|key| (key.as_str(), key.len() + 1_000));
    a.l2.set(L2Operation::Put, L2Fault::Delay(Duration::from_millis(20)));
    let begun = Instant::now();
    assert!(a.set_many(pairs).await.unwrap().is_applied());
    assert!(begun.elapsed().as_millis() < 100, "together");
    moment().await;
    let found = b.get_many::<_, usize>(&keys).await.unwrap();
    assert!(
        found
            .iter()
            .zip(1_001..)
            .all(|(one, new)| one.as_deref() == Some(&new))
    );
}

#[tokio::test(start_paused = true)]
async fn with_the_store_away_many_keys_are_loaded_and_what_is_put_is_queued() {
    let (store, table) = (store(), Table::open());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let keys = names(10);
    read(&b, &keys, &table).await;
    a.lose_store();
    assert_eq!(read(&a, &keys, &table).await, lengths(&keys));
    assert_eq!(table.loads().len(), 2);
    let pairs = keys.iter().map(|key| (key.as_str(), 0_usize));
    assert!(!a.set_many(pairs).await.unwrap().is_applied());
    assert!(!a.remove_many(&keys).await.unwrap().is_applied());
    a.heal();
    live(2 * BOUND).await;
    assert_eq!(a.shared_status().unwrap().queued, 0);
    let found = b.get_many::<_, usize>(&keys).await.unwrap();
    assert!(found.iter().all(Option::is_none));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_holds_many_keys_up_no_longer_than_one() {
    let (store, table) = (store(), Table::open());
    let (a, one): (Pod, Pod) = (pod(&store).await, pod(&store).await);
    let gate = Gate::closed();
    for pod in [&a, &one] {
        pod.l2.set(L2Operation::Read, L2Fault::Hold(gate.clone()));
    }
    let took = |begun: Instant| begun.elapsed();
    let begun = Instant::now();
    let factory = |_| async { Ok::<_, std::io::Error>(1_usize) };
    one.get_or_set("x", factory).await.unwrap();
    let alone = took(begun);
    for count in [2, 3, 30] {
        let begun = Instant::now();
        let keys = names(count);
        assert_eq!(read(&a, &keys, &table).await, lengths(&keys));
        assert!(took(begun) <= alone, "{count}: {:?}", took(begun));
        a.remove_many(&keys).await.unwrap().accept_queued();
    }
    gate.open();
}

#[tokio::test(start_paused = true)]
async fn past_the_threshold_many_keys_are_refreshed_once_over_all_pods() {
    let (store, table) = (store(), Table::open());
    let (a, b) = (pod(&store).await, pod(&store).await);
    let keys = names(20);
    read(&a, &keys, &table).await;
    read(&b, &keys, &table).await;
    live(4 * support::MINUTE + SECOND).await;
    let gated = Table::behind(&Gate::closed());
    for pod in [&a, &b] {
        assert_eq!(read(pod, &keys, &gated).await, lengths(&keys));
    }
    live(SECOND / 10).await;
    gated.gate.open();
    live(SECOND).await;
    assert_eq!(gated.loads(), [keys]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_leaves_while_the_store_is_asked_leaves_nothing_half_done() {
    for wait in [0, 5, 15, 25, 45, 65] {
        let (store, table) = (store(), Table::open());
        let (a, b) = (pod(&store).await, pod(&store).await);
        let keys = names(5);
        read(&b, &keys[..2], &table).await;
        a.l2.set_all(L2Fault::Delay(Duration::from_millis(10)));
        let left = reading(&a, &keys, &table);
        live(Duration::from_millis(wait)).await;
        left.abort();
        live(SECOND).await;
        let is_early = wait < 30;
        assert_eq!(table.loads().len() == 1, is_early, "{wait}: nobody waits");
        assert_eq!(read(&a, &keys, &table).await, lengths(&keys), "{wait}");
        let begun = Instant::now();
        assert_eq!(read(&b, &keys, &table).await, lengths(&keys), "{wait}");
        assert!(begun.elapsed() < SECOND, "{wait}: a claim was left behind");
        assert!(a.stop(SECOND).await, "{wait}: something is left running");
    }
}
