//! Records that somebody moved, exchanged, cut off or altered in Redis: misses, counted, told without a value.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::io;

use app_support::*;
use caching_core::{CacheKey, Outcome};
use caching_testkit::RedisServer;

/// A record that a pod has stored: its name, the field and the bytes of its value.
struct Stored {
    name: String,
    field: String,
    value: Vec<u8>,
}

/// What a pod stores for a tenant under a key.
async fn store(server: &RedisServer, pod: &Pod, tenant: &str, key: &str) -> Stored {
    assert!(!pod.read(tenant, key).await.is_hit());
    let name = record(tenant, key);
    let (field, value) = stored(server, &name).await;
    Stored { name, field, value }
}

/// Reads with nothing kept here: whether it was a miss, and was counted as something unreadable.
async fn is_refused(pod: &Pod, tenant: &str, key: &str) -> bool {
    let before = pod.stats().l2_unreadable;
    let is_miss = matches!(
        pod.look(tenant, key).await,
        Outcome::Miss { stored: false, .. }
    );
    let is_counted = pod.stats().l2_unreadable > before;
    assert_eq!(is_miss, is_counted, "{tenant} {key}: a miss is counted");
    is_miss
}

#[tokio::test]
async fn a_ciphertext_that_was_moved_to_another_key_or_tenant_is_a_miss_and_counted() {
    let server = RedisServer::start().await.unwrap();
    let pod = Pod::start(&server).await;
    let mut all = Vec::new();
    for (tenant, key) in [("acme", "a"), ("acme", "b"), ("globex", "a")] {
        all.push((tenant, key, store(&server, &pod, tenant, key).await));
    }
    let late = Pod::start(&server).await;
    for (tenant, key, into) in &all {
        for (_, _, from) in all.iter().filter(|(.., from)| from.name != into.name) {
            plant(&server, &into.name, &into.field, &from.value).await;
            assert!(
                is_refused(&late, tenant, key).await,
                "{} is {}",
                into.name,
                from.name
            );
        }
    }
    // Exchanged between the tenants: a miss for either of them.
    let (acme, globex) = (&all[0].2, &all[2].2);
    plant(&server, &acme.name, &acme.field, &globex.value).await;
    plant(&server, &globex.name, &globex.field, &acme.value).await;
    for tenant in ["acme", "globex"] {
        assert!(is_refused(&late, tenant, "a").await, "{tenant}");
    }
    // Where it was stored each is good: none of these was a miss for another reason.
    for (tenant, key, own) in &all {
        plant(&server, &own.name, &own.field, &own.value).await;
        assert!(!is_refused(&late, tenant, key).await);
    }
}

#[tokio::test]
async fn a_ciphertext_of_another_application_with_the_same_key_is_a_miss_and_counted() {
    let server = RedisServer::start().await.unwrap();
    let (shop, bank) = (
        Pod::start(&server).await,
        Pod::of(builder(&server.url(), &key(ONE)).name("bank")).await,
    );
    let of_shop = store(&server, &shop, "acme", "a").await;
    bank.read("acme", "a").await;
    let (field, of_bank) = stored(&server, "{bank}:t:acme:plain:a").await;
    assert_eq!(field, of_shop.field);

    plant(&server, &of_shop.name, &field, &of_bank).await;
    let late = Pod::start(&server).await;
    assert!(is_refused(&late, "acme", "a").await);
    plant(&server, &of_shop.name, &field, &of_shop.value).await;
    assert!(!is_refused(&late, "acme", "a").await);
}

#[derive(CacheKey)]
#[cache_key(kind = "note", value = String, template = "{id}", version = 1)]
struct OldNote {
    id: u32,
}

#[derive(CacheKey)]
#[cache_key(kind = "note", value = String, template = "{id}", version = 2)]
struct NewNote {
    id: u32,
}

#[tokio::test]
async fn a_ciphertext_of_another_version_of_the_type_is_a_miss_and_counted() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    let name = "{shop}:t:acme:note:7";
    let load = |_| async { io::Result::Ok(SECRET.to_owned()) };
    as_tenant("acme", async {
        one.get_or_set(&OldNote { id: 7 }, load).await
    })
    .await
    .unwrap();
    stored(&server, name).await;
    // The value, and what stands beside it: how long it is good.
    let mut record = server.record(name).await.unwrap().unwrap();
    let mut newer = record.segments[0].clone();
    let field = newer.field.clone();
    newer.field = field.replacen("json.1", "json.2", 1);
    record.segments.push(newer);
    server.set_record(name, &record).await.unwrap();
    let read = as_tenant("acme", async {
        (
            two.get(&NewNote { id: 7 }).await.unwrap(),
            two.get(&OldNote { id: 7 }).await.unwrap(),
        )
    });
    let (new, old) = read.await;
    assert_eq!(new, None);
    assert_eq!(two.stats().l2_unreadable, 1, "{field}");
    assert_eq!(old.as_deref().map(String::as_str), Some(SECRET));
}

#[tokio::test]
async fn a_ciphertext_that_was_cut_off_or_altered_anywhere_is_a_miss_and_counted() {
    let server = RedisServer::start().await.unwrap();
    let own = store(&server, &Pod::start(&server).await, "acme", "a").await;
    let late = Pod::start(&server).await;
    for place in 0..own.value.len() {
        let mut altered = own.value.clone();
        altered[place] ^= 1 << (place % 8);
        plant(&server, &own.name, &own.field, &altered).await;
        assert!(is_refused(&late, "acme", "a").await, "altered at {place}");

        plant(&server, &own.name, &own.field, &own.value[..place]).await;
        assert!(is_refused(&late, "acme", "a").await, "cut off at {place}");
    }
    let longer = [&own.value[..], b"\0"].concat();
    plant(&server, &own.name, &own.field, &longer).await;
    assert!(is_refused(&late, "acme", "a").await, "longer");
    let log = log::text();
    for reason in ["corrupt", "unknown_version", "not_opened"] {
        assert!(log.contains(&format!("reason=\"{reason}\"")), "{log}");
    }
    assert!(!log.contains("SECRET") && !log.contains(ONE));

    plant(&server, &own.name, &own.field, &own.value).await;
    assert!(!is_refused(&late, "acme", "a").await);
}

#[tokio::test]
async fn a_fallback_that_is_not_authentic_is_not_given_instead_of_an_error() {
    let server = RedisServer::start().await.unwrap();
    let pod = Pod::start(&server).await;
    let other = store(&server, &pod, "globex", "a").await;
    let own = store(&server, &pod, "acme", "a").await;
    let expired = as_tenant("acme", async { pod.expire("a").await }).await;
    assert!(expired.unwrap().is_applied());
    // A pod that has nothing of its own takes the fallback from Redis; it is stale, and labelled so.
    let stale = Pod::start(&server).await.read_broken("acme", "a").await;
    assert!(stale.unwrap().is_stale());

    let mut altered = own.value.clone();
    *altered.last_mut().unwrap() ^= 1;
    for bytes in [&other.value, &altered, &own.value[..40].to_vec()] {
        plant(&server, &own.name, &own.field, bytes).await;
        let late = Pod::start(&server).await;
        let error = late.read_broken("acme", "a").await.unwrap_err();
        assert!(error.to_string().contains("plain:a"), "{error}");
        assert!(late.stats().l2_unreadable > 0);
    }
}
