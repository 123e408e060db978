//! Keys that come and go while applications run over one Redis.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::fs;
use std::path::Path;

use app_support::*;
use caching_encryption::{KeyFiles, Reloaded};
use caching_testkit::RedisServer;

const OLD: (&str, &str) = ("2026-05", ONE);
const NEW: (&str, &str) = ("2026-11", TWO);

/// A ring of keys, and which of them writes.
fn ring(active: (&str, &str), keys: &[(&str, &str)]) -> String {
    let keys = keys
        .iter()
        .map(|(id, key)| format!("{{ id = \"{id}\", key = \"{key}\" }}"));
    let keys = keys.collect::<Vec<_>>().join(", ");
    let active = active.0;
    format!("cache.encryption.active = \"{active}\"\ncache.encryption.keys = [{keys}]")
}

/// Which key a record of acme is sealed with.
async fn key_of(server: &RedisServer, key: &str) -> Vec<u8> {
    let (_, value) = stored(server, &record("acme", key)).await;
    sealed(&value)[0].to_vec()
}

#[tokio::test]
async fn the_new_key_writes_the_old_one_reads_and_a_removed_one_is_a_miss_and_counted() {
    let server = RedisServer::start().await.unwrap();
    let old = Pod::with(&server, &ring(OLD, &[OLD])).await;
    old.read("acme", "old").await;
    let new = Pod::with(&server, &ring(NEW, &[OLD, NEW])).await;
    assert_eq!(new.read("acme", "old").await, L2_HIT, "the old key reads");
    new.read("acme", "new").await;
    assert_ne!(key_of(&server, "old").await, key_of(&server, "new").await);

    let rotated = Pod::with(&server, &ring(NEW, &[NEW])).await;
    assert_eq!(rotated.read("acme", "new").await, L2_HIT);
    assert_eq!(rotated.stats().l2_unreadable, 0);
    assert!(
        !rotated.read("acme", "old").await.is_hit(),
        "its key is gone"
    );
    assert!(rotated.stats().l2_unreadable > 0);
    // What it loaded instead is sealed with the key that is left.
    until("it was sealed anew", async || {
        key_of(&server, "old").await == key_of(&server, "new").await
    })
    .await;
}

#[tokio::test]
async fn through_a_rolling_rotation_pods_of_neighbouring_steps_read_each_other() {
    let server = RedisServer::start().await.unwrap();
    let steps = [
        ring(OLD, &[OLD]),
        ring(OLD, &[OLD, NEW]),
        ring(NEW, &[OLD, NEW]),
        ring(NEW, &[NEW]),
    ];
    for (number, neighbours) in steps.windows(2).enumerate() {
        let pods = [
            Pod::with(&server, &neighbours[0]).await,
            Pod::with(&server, &neighbours[1]).await,
        ];
        for (writer, reader) in [(0, 1), (1, 0)] {
            let key = format!("of {writer} in step {number}");
            assert!(!pods[writer].read("acme", &key).await.is_hit());
            let name = record("acme", &key.replace(' ', "%20"));
            stored(&server, &name).await;
            assert_eq!(pods[reader].read("acme", &key).await, L2_HIT, "{key}");
        }
        for pod in &pods {
            assert_eq!(pod.stats().l2_unreadable, 0, "step {number}");
        }
    }
}

/// A file that is replaced as a whole.
fn write(file: &Path, key: &str) {
    let new = file.with_extension("new");
    fs::write(&new, key).unwrap();
    fs::rename(new, file).unwrap();
}

fn files(pod: &Pod) -> KeyFiles {
    pod.app.services().get().unwrap()
}

#[tokio::test]
async fn running_pods_take_a_new_key_from_its_file_and_no_read_fails_meanwhile() {
    let server = RedisServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    write(&file, ONE);
    let settings = format!(
        "cache.encryption.key = {{ file = '{}' }}\ncache.encryption.reload_interval = \"100ms\"",
        file.display()
    );
    let pods = [
        Pod::with(&server, &settings).await,
        Pod::with(&server, &settings).await,
    ];
    pods[0].read("acme", "before").await;
    let first = key_of(&server, "before").await;

    write(&file, TWO);
    // Each read is answered with the right value, whichever of the keys each of the pods knows.
    let mut number = 0;
    until("both write with the new key", async || {
        number += 1;
        let mut keys = Vec::new();
        for (pod, other) in [(0, 1), (1, 0)] {
            let key = format!("{pod}-{number}");
            pods[pod].read("acme", &key).await;
            keys.push(key_of(&server, &key).await);
            pods[other].read("acme", &key).await;
        }
        keys.iter().all(|key| *key != first)
    })
    .await;
    pods[0].read("acme", "after").await;
    stored(&server, &record("acme", "after")).await;
    assert_eq!(pods[1].read("acme", "after").await, L2_HIT);
    assert_eq!(
        pods[1].read("acme", "before").await,
        L2_HIT,
        "the old one reads"
    );
}

#[tokio::test]
async fn a_tenant_whose_secret_is_destroyed_is_unreadable_at_once_to_pods_that_run_and_no_other_is()
{
    let server = RedisServer::start().await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("acme");
    write(&file, TWO);
    let settings = format!(
        "{}\ncache.encryption.scope_secrets = [{{ scope = \"t:acme\", file = '{}' }}]\n\
         cache.encryption.reload_interval = \"1h\"",
        key(ONE),
        file.display()
    );
    let (one, two) = (
        Pod::with(&server, &settings).await,
        Pod::with(&server, &settings).await,
    );
    for tenant in ["acme", "globex"] {
        for key in ["a", "b"] {
            one.read(tenant, key).await;
            stored(&server, &record(tenant, key)).await;
        }
        assert_eq!(two.read(tenant, "a").await, L2_HIT);
    }
    // Nobody reads acme's without the secret, the key of the ring or not.
    let without = Pod::start(&server).await;
    assert!(!without.look("acme", "b").await.is_hit());
    assert!(without.stats().l2_unreadable > 0);
    assert_eq!(without.read("globex", "b").await, L2_HIT);

    let before = records(&server).await;
    write(&file, "pIlpLFfTbAeTpl0NSmMFb+m6WSWvrYClROqd1FzJIXY=");
    assert_eq!(files(&two).reload().unwrap(), Reloaded::Changed);
    assert_eq!(
        records(&server).await,
        before,
        "nothing was written for that"
    );
    assert_eq!(two.stats().l2_unreadable, 0);
    assert!(!two.look("acme", "b").await.is_hit());
    let counted = two.stats().l2_unreadable;
    assert!(counted > 0);
    assert_eq!(two.read("globex", "b").await, L2_HIT);
    assert_eq!(two.stats().l2_unreadable, counted);
}
