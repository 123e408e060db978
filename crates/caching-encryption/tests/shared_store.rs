//! Encryption in caches that share a store: what stands there, and who reads it.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use caching_core::{
    Address, Deployment, HybridCache, HybridCacheBuilder, KeyName, L2, MemoryStore, Plaintext,
    Record,
};
use caching_encryption::{KeyRing, Keys, PayloadEncryption, SecretKey};

const SECRET: &str = "SECRET";

/// A ring of these keys, of which the last one writes.
fn ring(keys: &[u8]) -> PayloadEncryption {
    let keys = keys.iter().fold(Keys::builder(), |builder, byte| {
        let key = SecretKey::from_bytes(&[*byte; 32]).unwrap();
        builder.key(format!("key-{byte}"), key)
    });
    PayloadEncryption::new(KeyRing::new(keys.build().unwrap()))
}

/// A process of the deployment.
fn pod(store: &MemoryStore) -> HybridCacheBuilder {
    HybridCache::builder()
        .default_key_prefix("shop")
        .l2(store.l2())
        .backplane(store.backplane())
        .plaintext(Plaintext::Allowed)
}

fn sealing(store: &MemoryStore, encryption: PayloadEncryption) -> HybridCache {
    pod(store).payload_transform(encryption).build().unwrap()
}

/// Reads a key, and says whether the value was loaded for it.
async fn is_loaded(cache: &HybridCache, key: &str) -> bool {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let value = cache
        .get_or_set(key, move |_| async move {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(SECRET.to_owned())
        })
        .await
        .unwrap();
    assert_eq!(*value, SECRET);
    calls.load(Ordering::Relaxed) > 0
}

/// What stands in the store, one payload a record.
fn payloads(store: &MemoryStore) -> Vec<Vec<u8>> {
    let records = store.records().into_iter();
    records.map(|record| record.record.payload).collect()
}

fn holds(payload: &[u8], text: &str) -> bool {
    payload
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn no_value_can_be_read_in_the_store_by_whatever_way_it_came_there() {
    let store = MemoryStore::new();
    let cache = sealing(&store, ring(&[1]));
    is_loaded(&cache, "loaded").await;
    cache
        .set("set", SECRET.to_owned())
        .await
        .unwrap()
        .accept_queued();
    cache
        .set("long", SECRET.repeat(1_000))
        .await
        .unwrap()
        .accept_queued();
    let none = cache
        .get_or_set_optional("none", |_| async { Ok::<_, Infallible>(None::<String>) })
        .await
        .unwrap();
    assert_eq!(none, None);

    let payloads = payloads(&store);
    assert_eq!(payloads.len(), 4);
    for payload in payloads {
        assert!(!holds(&payload, SECRET), "{payload:?}");
        // Behind the header: the mark of this crate's records.
        assert!(payload.windows(4).any(|bytes| bytes == b"\xC1XG\x01"));
    }
}

#[tokio::test(start_paused = true)]
async fn without_encryption_it_can_be_read_there() {
    let store = MemoryStore::new();
    let cache = pod(&store).build().unwrap();
    is_loaded(&cache, "loaded").await;
    let payloads = payloads(&store);
    assert!(holds(&payloads[0], SECRET), "{payloads:?}");
}

#[tokio::test(start_paused = true)]
async fn another_process_with_the_key_reads_what_this_one_stored() {
    let store = MemoryStore::new();
    assert!(is_loaded(&sealing(&store, ring(&[1])), "a").await);
    assert!(!is_loaded(&sealing(&store, ring(&[1])), "a").await);
}

#[tokio::test(start_paused = true)]
async fn a_process_with_another_key_loads_anew() {
    let store = MemoryStore::new();
    assert!(is_loaded(&sealing(&store, ring(&[1])), "a").await);
    assert!(is_loaded(&sealing(&store, ring(&[2])), "a").await);
}

#[tokio::test(start_paused = true)]
async fn in_a_rotation_no_process_loads_what_another_one_has_stored() {
    let store = MemoryStore::new();
    let old = sealing(&store, ring(&[2, 1]));
    let new = sealing(&store, ring(&[1, 2]));
    assert!(is_loaded(&old, "of the old key").await);
    assert!(!is_loaded(&new, "of the old key").await);
    assert!(is_loaded(&new, "of the new key").await);
    assert!(!is_loaded(&old, "of the new key").await);
    // The old key is gone: what it sealed is a miss, what the new one sealed is not.
    let rotated = sealing(&store, ring(&[2]));
    assert!(is_loaded(&rotated, "of the old key").await);
    assert!(!is_loaded(&rotated, "of the new key").await);
}

#[tokio::test(start_paused = true)]
async fn plain_values_of_before_are_loaded_anew_unless_they_may_be_migrated() {
    let store = MemoryStore::new();
    assert!(is_loaded(&pod(&store).build().unwrap(), "a").await);
    let migrating = sealing(&store, ring(&[1]).migrate_from_plaintext(true));
    assert!(!is_loaded(&migrating, "a").await);
    assert!(is_loaded(&sealing(&store, ring(&[1])), "a").await);
}

#[tokio::test(start_paused = true)]
async fn a_process_without_the_key_loads_anew() {
    let store = MemoryStore::new();
    assert!(is_loaded(&sealing(&store, ring(&[1])), "a").await);
    assert!(is_loaded(&pod(&store).build().unwrap(), "a").await);
}

/// Puts a payload under a key, as somebody who can write to the store.
async fn plant(store: &MemoryStore, key: &KeyName, field: &str, payload: Vec<u8>) {
    let l2 = store.l2();
    l2.open(&Deployment::new("shop", Duration::from_secs(1)));
    let record = Record {
        payload,
        duration: Duration::from_secs(60),
        retention: Duration::from_secs(60),
        tags: Vec::new(),
        tag_clock: 0,
    };
    let address = Address::new(l2.partition_of(key), key, field);
    l2.put(address, &record, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_moved_or_altered_in_the_store_is_loaded_anew() {
    let store = MemoryStore::new();
    assert!(is_loaded(&sealing(&store, ring(&[1])), "a").await);
    let record = store.records().remove(0);
    let payload = record.record.payload;
    let other = KeyName::parse(&record.key.as_str().replace(":a", ":b")).unwrap();

    // As it was, it is read: what follows is not a miss for another reason.
    plant(&store, &record.key, &record.field, payload.clone()).await;
    assert!(!is_loaded(&sealing(&store, ring(&[1])), "a").await);

    plant(&store, &other, &record.field, payload.clone()).await;
    assert!(is_loaded(&sealing(&store, ring(&[1])), "b").await, "moved");

    let mut altered = payload.clone();
    *altered.last_mut().unwrap() ^= 1;
    plant(&store, &record.key, &record.field, altered).await;
    assert!(
        is_loaded(&sealing(&store, ring(&[1])), "a").await,
        "altered"
    );

    plant(&store, &record.key, &record.field, payload[..60].to_vec()).await;
    assert!(
        is_loaded(&sealing(&store, ring(&[1])), "a").await,
        "cut off"
    );
}
