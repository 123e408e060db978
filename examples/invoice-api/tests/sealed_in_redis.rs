//! Encryption and tenants through the modules, over a real server: what is in Redis is read by whom it is for.

mod support;

use std::{convert::Infallible, time::Duration};

use app_host::{App, ConfigFormat};
use caching_core::{CachingModule, HybridCache, Outcome};
use caching_encryption::CachingEncryptionModule;
use caching_redis::CachingRedisModule;
use caching_tenancy::{CachingTenancyModule, Tenant, TenantId};
use caching_testkit::RedisServer;
use support::{
    deployment::{KEY, NEXT_KEY},
    until,
};

const SECRET: &str = "SECRET-4711";
const A: &str = "{shop}:t:acme:plain:a";

/// A pod of an application in which tenants are accepted as they come.
async fn pod(server: &RedisServer, settings: &str) -> HybridCache {
    let app = App::builder()
        .name("shop")
        .module::<CachingModule>()
        .module::<CachingRedisModule>()
        .module::<CachingEncryptionModule>()
        .module::<CachingTenancyModule>()
        .without_environment_variables()
        .config_str(
            ConfigFormat::Toml,
            format!(
                "cache.redis.url = \"{}\"\ncache.tenancy.unknown = \"accept\"\n\
                 cache.defaults.eager_refresh = \"off\"\n{settings}",
                server.url()
            ),
        )
        .build()
        .await
        .expect("the application builds");
    app.start().await.expect("it starts");
    app.services().get().expect("a cache")
}

async fn sealing(server: &RedisServer) -> HybridCache {
    pod(server, &format!("cache.encryption.key = \"{KEY}\"")).await
}

async fn of<F: Future>(tenant: &str, work: F) -> F::Output {
    Tenant::scope(TenantId::parse(tenant).expect("a tenant"), work).await
}

/// Reads a text for a tenant, and whether it was loaded for that.
async fn is_loaded(cache: &HybridCache, tenant: &str, key: &str) -> bool {
    let read = async {
        let load = |_| async { Ok::<_, Infallible>(SECRET.to_owned()) };
        cache
            .get_or_set(key, load)
            .tags(|| ["red"])
            .detailed()
            .await
    };
    let cached = of(tenant, read).await.expect("a value");
    assert_eq!(*cached.value, SECRET);
    !matches!(cached.outcome, Outcome::Hit { .. })
}

/// The field and the bytes of the value of a record, once it is there.
async fn value(server: &RedisServer, key: &str) -> (String, Vec<u8>) {
    let mut found = None;
    until("the record is there", async || {
        let record = server.record(key).await.expect("an answer");
        let segments = record.map(|record| record.segments).unwrap_or_default();
        found = segments.into_iter().next();
        found.is_some()
    })
    .await;
    let segment = found.expect("it is there");
    (segment.field, segment.payload)
}

async fn plant(server: &RedisServer, key: &str, field: &str, value: &[u8]) {
    let record = server.record(key).await.expect("an answer");
    let mut record = record.expect("a record");
    let segment = record.segment_mut(field).expect("a field");
    segment.payload = value.to_vec();
    server.set_record(key, &record).await.expect("it is set");
}

fn holds(bytes: &[u8], word: &str) -> bool {
    bytes
        .windows(word.len())
        .any(|part| part == word.as_bytes())
}

#[tokio::test]
async fn every_payload_is_sealed_and_no_notice_carries_one() {
    let server = RedisServer::start().await.expect("a server");
    let cache = sealing(&server).await;
    is_loaded(&cache, "acme", "loaded").await;
    let write = async {
        cache
            .set("set", SECRET.to_owned())
            .await
            .expect("it is set")
            .accept_queued();
        cache
            .set("long", SECRET.repeat(2_000))
            .await
            .expect("it is set")
            .accept_queued();
        let none = |_| async { Ok::<Option<String>, Infallible>(None) };
        cache.get_or_set_optional("none", none).await.expect("none");
        is_loaded(&cache, "acme", "fallback").await;
        cache
            .expire("fallback")
            .await
            .expect("it is stale")
            .accept_queued();
        cache
            .remove_by_tag("other")
            .await
            .expect("it is purged")
            .accept_queued();
    };
    of("acme", write).await;
    for key in ["loaded", "set", "long", "none", "fallback"] {
        let (_, bytes) = value(&server, &format!("{{shop}}:t:acme:plain:{key}")).await;
        assert!(!holds(&bytes, "SECRET"), "{key}");
        assert!(bytes.windows(4).any(|part| part == b"\xC1XG\x01"), "{key}");
    }
    let log = server
        .command(["XRANGE", "{shop}:@log", "-", "+"])
        .await
        .expect("the log");
    assert!(log.items().len() >= 4);
    assert!(!format!("{log:?}").contains("SECRET"));
    // In the process it is plain: nothing is opened on a hit.
    assert!(!is_loaded(&cache, "acme", "loaded").await);
}

#[tokio::test]
async fn the_same_value_twice_gives_other_bytes() {
    let server = RedisServer::start().await.expect("a server");
    let cache = sealing(&server).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        is_loaded(&cache, "acme", "a").await;
        seen.push(value(&server, A).await.1);
        of("acme", async { cache.remove("a").await })
            .await
            .expect("it is removed")
            .accept_queued();
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn what_was_moved_swapped_cut_or_altered_is_a_miss_that_is_counted() {
    let server = RedisServer::start().await.expect("a server");
    let cache = sealing(&server).await;
    for (tenant, key) in [("acme", "a"), ("acme", "b"), ("globex", "a")] {
        is_loaded(&cache, tenant, key).await;
    }
    let (field, right) = value(&server, A).await;
    let (_, of_another_key) = value(&server, "{shop}:t:acme:plain:b").await;
    let (_, of_another_tenant) = value(&server, "{shop}:t:globex:plain:a").await;

    // As it was, it is read: what follows is not a miss for another reason.
    plant(&server, A, &field, &right).await;
    assert!(!is_loaded(&sealing(&server).await, "acme", "a").await);

    let mut damaged = vec![
        ("of another key", of_another_key),
        ("of another tenant", of_another_tenant),
    ];
    for length in [0, 1, 8, 40, right.len() - 1] {
        damaged.push(("cut", right[..length].to_vec()));
    }
    for place in 0..right.len() {
        if place % 9 == 0 || place + 1 == right.len() {
            let mut altered = right.clone();
            altered[place] ^= 0x10;
            damaged.push(("altered", altered));
        }
    }
    for (what, bytes) in damaged {
        plant(&server, A, &field, &bytes).await;
        let late = sealing(&server).await;
        assert!(is_loaded(&late, "acme", "a").await, "{what}: {bytes:?}");
        assert!(late.stats().l2_unreadable > 0, "{what} was not counted");
    }
}

#[tokio::test]
async fn keys_that_are_added_read_and_keys_that_are_removed_do_not() {
    let server = RedisServer::start().await.expect("a server");
    let keys = |active: &str, keys: &[(&str, &str)]| {
        let keys = keys
            .iter()
            .map(|(id, key)| format!("{{ id = \"{id}\", key = \"{key}\" }}"));
        let keys: Vec<String> = keys.collect();
        format!(
            "cache.encryption.active = \"{active}\"\ncache.encryption.keys = [{}]",
            keys.join(", ")
        )
    };
    let both = [("old", KEY), ("new", NEXT_KEY)];
    let old = pod(&server, &keys("old", &both)).await;
    let new = pod(&server, &keys("new", &both)).await;
    assert!(is_loaded(&old, "acme", "a").await);
    value(&server, A).await;
    assert!(
        !is_loaded(&new, "acme", "a").await,
        "the old key still reads"
    );
    assert!(is_loaded(&new, "acme", "b").await);
    value(&server, "{shop}:t:acme:plain:b").await;
    assert!(
        !is_loaded(&old, "acme", "b").await,
        "the new one is known before it writes"
    );

    let rotated = pod(&server, &keys("new", &both[1..])).await;
    assert!(!is_loaded(&rotated, "acme", "b").await);
    assert!(is_loaded(&rotated, "acme", "a").await, "its key is gone");
}

#[tokio::test]
async fn a_tenant_whose_secret_is_destroyed_is_unreadable_and_the_others_are_not() {
    let server = RedisServer::start().await.expect("a server");
    let with = format!(
        "cache.encryption.key = \"{KEY}\"\n\
         cache.encryption.scope_secrets = [{{ scope = \"t:acme\", key = \"{NEXT_KEY}\" }}]"
    );
    let before = pod(&server, &with).await;
    for tenant in ["acme", "globex"] {
        assert!(is_loaded(&before, tenant, "a").await);
        value(&server, &format!("{{shop}}:t:{tenant}:plain:a")).await;
    }
    assert!(!is_loaded(&pod(&server, &with).await, "acme", "a").await);
    let after = sealing(&server).await;
    assert!(is_loaded(&after, "acme", "a").await);
    assert!(!is_loaded(&after, "globex", "a").await);
}

#[tokio::test]
async fn plain_values_of_before_are_read_only_while_they_may_be_migrated() {
    let server = RedisServer::start().await.expect("a server");
    let plain = pod(&server, "cache.encryption.allow_plaintext = true").await;
    assert!(is_loaded(&plain, "acme", "a").await);
    assert!(holds(&value(&server, A).await.1, SECRET));
    let migrating =
        format!("cache.encryption.key = \"{KEY}\"\ncache.encryption.migrate_from_plaintext = true");
    assert!(!is_loaded(&pod(&server, &migrating).await, "acme", "a").await);
    assert!(is_loaded(&sealing(&server).await, "acme", "a").await);
}

#[tokio::test]
async fn tenants_have_records_tags_and_invalidations_of_their_own() {
    let server = RedisServer::start().await.expect("a server");
    let (one, two) = (sealing(&server).await, sealing(&server).await);
    let tenants = ["acme", "globex"];
    for tenant in tenants {
        assert!(
            is_loaded(&one, tenant, "a").await,
            "no tenant finds the other's"
        );
        value(&server, &format!("{{shop}}:t:{tenant}:plain:a")).await;
        assert!(!is_loaded(&two, tenant, "a").await);
    }
    let kept = |cache: &HybridCache, tenant: &str| {
        let tenant = TenantId::parse(tenant).expect("a tenant");
        Tenant::sync_scope(tenant, || {
            cache.peek::<_, String>("a").expect("a text").is_some()
        })
    };
    for (round, how) in ["remove", "remove_by_tag", "clear"].into_iter().enumerate() {
        let invalidate = async {
            match how {
                "remove" => one.remove("a").await,
                "remove_by_tag" => one.remove_by_tag("red").await,
                _ => one.clear().await,
            }
        };
        assert!(
            of("acme", invalidate)
                .await
                .expect("it is done")
                .is_applied()
        );
        until("the other pod has heard of it", async || {
            !kept(&two, "acme")
        })
        .await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(
            kept(&one, "globex") && kept(&two, "globex"),
            "{how} of one is none of the other"
        );
        let late = sealing(&server).await;
        assert!(
            !is_loaded(&late, "globex", "a").await,
            "{how}: the record is still good"
        );
        // Nor does it come back for the one that it was for.
        assert!(is_loaded(&one, "acme", "a").await, "{how}, round {round}");
        until("it is kept by both again", async || {
            !is_loaded(&two, "acme", "a").await && kept(&two, "acme")
        })
        .await;
    }
}
