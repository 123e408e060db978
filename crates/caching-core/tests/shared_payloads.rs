//! What goes through a shared store comes back as it was, or not at all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Debug;

use caching_core::{
    Address, CacheKey, CacheValue, Deployment, EntryOptions, KeyOf, L2, MemoryStore, Partition,
    Record,
};
use serde::{Deserialize, Serialize};
use support::pods::{BOUND, Truth, fill, moment, pod, pod_with, read, store};
use support::{MINUTE, Source};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Invoice {
    number: String,
    lines: Vec<(u32, Option<f64>)>,
    notes: BTreeMap<String, String>,
}

fn invoice() -> Invoice {
    Invoice {
        number: "§ 7 \u{1f4b6}\0\n".into(),
        lines: vec![(1, Some(0.1)), (2, None), (u32::MAX, Some(-1e300))],
        notes: BTreeMap::from([("".into(), "\"".into())]),
    }
}

/// One pod loads the value, the other has it from the store.
async fn goes_through<V>(value: V)
where
    V: CacheValue + Clone + PartialEq + Debug,
    str: KeyOf<V>,
{
    let store = store();
    let toml = "payload_limit = '16MiB'";
    let (a, b) = (pod_with(&store, toml).await, pod_with(&store, toml).await);
    let source = Source::open();
    let load = a.get_or_set("key", source.gives(value.clone()));
    assert!(*load.await.unwrap() == value);
    let found = b.get_or_set("key", source.fails::<V>()).await.unwrap();
    assert!(*found == value, "it came back as something else");
    assert_eq!((source.runs(), b.stats().l2_hits), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn strings_structs_blobs_and_a_million_elements_come_back_as_they_were() {
    goes_through(String::from("plain")).await;
    goes_through(String::new()).await;
    goes_through(Vec::<u8>::new()).await;
    goes_through(()).await;
    goes_through(None::<u32>).await;
    goes_through(invoice()).await;
    goes_through((0..100 * 1024).map(|n| n as u8).collect::<Vec<u8>>()).await;
    goes_through((0..1_048_576).collect::<Vec<u32>>()).await;
}

#[tokio::test(start_paused = true)]
async fn that_there_is_none_is_shared() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let source = Source::open();
    for pod in [&a, &b] {
        let none = pod.get_or_set_optional("key", source.gives(None::<u32>));
        assert_eq!(none.await.unwrap(), None);
    }
    assert_eq!(source.runs(), 1);
    // The one who creates it says so, and nobody goes on believing that there is none.
    assert!(a.remove("key").await.unwrap().is_applied());
    moment().await;
    let some = b.get_or_set_optional("key", source.gives(Some(7_u32)));
    assert_eq!(some.await.unwrap().as_deref(), Some(&7));
}

/// Puts these bytes in the place of the payload of `key`.
async fn plant(store: &MemoryStore, change: impl Fn(&mut Vec<u8>)) {
    let stored = store.records().pop().unwrap();
    let l2 = store.l2();
    l2.open(&Deployment::new("test", BOUND));
    let mut record = Record {
        payload: stored.record.payload,
        duration: 5 * MINUTE,
        retention: MINUTE,
        tags: Vec::new(),
        tag_clock: stored.record.tag_clock,
    };
    change(&mut record.payload);
    let address = Address::new(Partition::new(0), &stored.key, &stored.field);
    l2.put(address, &record, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn foreign_truncated_flipped_and_oversized_bytes_and_a_wrong_version_are_counted_misses() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 7] = [
        ("foreign", |bytes| *bytes = b"{\"foreign\":true}".to_vec()),
        ("empty", Vec::clear),
        ("truncated", |bytes| bytes.truncate(bytes.len() - 1)),
        ("longer", |bytes| bytes.push(b' ')),
        ("flipped", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("wrong version", |bytes| bytes[1] = 9),
        ("oversized", |bytes| bytes.resize(64 << 20, b'1')),
    ];
    for (damage, change) in damages {
        let (store, truth) = (store(), Truth::new());
        let (a, b) = (pod(&store).await, pod(&store).await);
        fill(&[&a], &truth).await;
        plant(&store, change).await;
        moment().await;
        let (value, outcome) = read(&b, &truth).await;
        assert!(value == 1 && !outcome.is_hit(), "{damage}");
        assert!(b.stats().l2_unreadable >= 1, "{damage} is not counted");
        // What was loaded in its place is good again.
        assert_eq!(read(&a, &truth).await.0, 1);
        assert_eq!(truth.runs(), 2, "{damage}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_types_under_a_plain_key_stand_side_by_side() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let source = Source::open();
    a.get_or_set("key", source.gives(invoice())).await.unwrap();
    let value = b.get_or_set("key", source.gives(7_u32)).await.unwrap();
    assert_eq!((*value, source.runs()), (7, 2));
    assert_eq!((store.records().len(), b.stats().l2_unreadable), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn what_another_type_left_under_a_key_and_its_version_is_a_counted_miss() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    let other = OtherKey { id: 7 };
    a.set(&other, String::from("seven"))
        .await
        .unwrap()
        .accept_queued();
    moment().await;
    let source = Source::open();
    let value = b.get_or_set(&OldKey { id: 7 }, source.gives(7)).await;
    assert_eq!((*value.unwrap(), source.runs()), (7, 1));
    assert!(b.stats().l2_unreadable >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_too_large_for_the_store_stays_in_its_process() {
    let store = store();
    let a = pod_with(&store, "payload_limit = '1KiB'").await;
    let source = Source::open();
    for _ in 0..2 {
        let load = a.get_or_set("key", source.gives("x".repeat(2_000)));
        assert_eq!(load.await.unwrap().len(), 2_000);
    }
    assert_eq!((source.runs(), store.records().len()), (1, 0));
    assert_eq!(a.stats().l2_unshared, 1);
}

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = u32, template = "{id}")]
struct OldKey {
    id: u32,
}

/// Another type, and its author forgot the version.
#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}")]
struct OtherKey {
    id: u32,
}

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}", version = 2)]
struct NewKey {
    id: u32,
}

#[tokio::test(start_paused = true)]
async fn two_versions_of_a_program_do_not_read_each_others_bytes_and_do_not_fight() {
    let store = store();
    let (old, new) = (pod(&store).await, pod(&store).await);
    let source = Source::open();
    for _ in 0..3 {
        let value = old.get_or_set(&OldKey { id: 7 }, source.gives(7)).await;
        assert_eq!(*value.unwrap(), 7);
        let value = new.get_or_set(&NewKey { id: 7 }, source.gives("seven".to_owned()));
        assert_eq!(*value.await.unwrap(), "seven");
    }
    assert_eq!(source.runs(), 2, "each loads once");
    let fields: Vec<_> = store.records().into_iter().map(|it| it.field).collect();
    assert_eq!(fields, ["json.1", "json.2"]);
    assert_eq!(old.stats().l2_unreadable + new.stats().l2_unreadable, 0);
    // And neither escapes the other's invalidation.
    assert!(new.remove(&NewKey { id: 7 }).await.unwrap().is_applied());
    moment().await;
    let value = old.get_or_set(&OldKey { id: 7 }, source.gives(8)).await;
    assert_eq!(*value.unwrap(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_zero_duration_is_never_stored() {
    let (store, truth) = (store(), Truth::new());
    let a = pod(&store).await;
    let none = EntryOptions::new().duration(std::time::Duration::ZERO);
    let load = a.get_or_set("key", truth.load()).options(none);
    load.await.unwrap();
    assert_eq!(store.records(), []);
}
