//! Versions of tags, kinds and scopes: equal on all pods, and another one after each purge that covers them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::collections::HashSet;

use caching_core::{Batch, CacheError, HybridCache, Invalidated, KeyKind, L2ErrorKind, Version};
use caching_testkit::{L2Fault, L2Operation};
use support::pods::{BOUND, live, moment, pod, store};
use support::{MINUTE, cache};

const GONE: L2Fault = L2Fault::Fail(L2ErrorKind::Unavailable);

/// All ways of purging, and whether they cover the tag `red`, the plain keys, and the scope.
const PURGES: [(&str, [bool; 3]); 9] = [
    ("remove red", [true, false, false]),
    ("expire red", [true, false, false]),
    ("remove kind", [false, true, false]),
    ("clear", [true, true, true]),
    ("expire all", [true, true, true]),
    ("clear all scopes", [true, true, true]),
    ("remove blue", [false, false, false]),
    ("remove key", [false, false, false]),
    ("batch with red", [true, false, false]),
];

async fn purge(cache: &HybridCache, how: &str) -> Invalidated {
    match how {
        "remove red" => cache.remove_by_tag("red").await,
        "expire red" => cache.expire_by_tag("red").await,
        "remove kind" => cache.remove_kind(KeyKind::PLAIN).await,
        "clear" => cache.clear().await,
        "expire all" => cache.expire_all().await,
        "clear all scopes" => cache.clear_all_scopes().await,
        "remove blue" => cache.remove_by_tag("blue").await,
        "remove key" => cache.remove("key").await,
        _ => {
            let batch = Batch::new().remove("key").remove_tag("red");
            cache.invalidate(batch).await
        }
    }
    .unwrap()
}

async fn versions(cache: &HybridCache) -> [Version; 3] {
    [
        cache.version_of("red").await.unwrap(),
        cache.version_of_kind(KeyKind::PLAIN).await.unwrap(),
        cache.version_of_scope().await.unwrap(),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_version_is_equal_on_all_pods_and_changes_with_every_purge_that_covers_it() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    for (how, covers) in PURGES {
        let before = versions(&a).await;
        assert_eq!(before, versions(&b).await, "{how}");
        assert!(purge(&a, how).await.is_applied());
        // At once, whatever the other pod has heard.
        let after = versions(&b).await;
        assert_eq!(after, versions(&a).await, "{how}");
        for ((before, after), covers) in before.into_iter().zip(after).zip(covers) {
            assert_eq!(before != after, covers, "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn alone_a_version_changes_with_every_purge_that_covers_it() {
    let cache = cache();
    for (how, covers) in PURGES {
        let before = versions(&cache).await;
        assert_eq!(before, versions(&cache).await);
        assert!(purge(&cache, how).await.is_applied());
        let after = versions(&cache).await;
        for ((before, after), covers) in before.into_iter().zip(after).zip(covers) {
            assert_eq!(before != after, covers, "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_never_comes_again() {
    let store = store();
    let a = pod(&store).await;
    let mut seen = HashSet::new();
    for round in 0..20 {
        assert!(seen.insert(a.version_of("red").await.unwrap().to_string()));
        match round % 4 {
            0 => store.forget_everything(),
            1 => store.evict_control(),
            _ => assert!(purge(&a, "remove red").await.is_applied()),
        }
        live(BOUND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_version_can_stand_in_a_header() {
    let version = cache().version_of("red").await.unwrap().to_string();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    assert!(version.bytes().all(is_plain), "{version}");
    assert_ne!(
        version,
        cache().version_of("red").await.unwrap().to_string()
    );
}

#[tokio::test(start_paused = true)]
async fn a_version_takes_one_round_trip() {
    let store = store();
    let a = pod(&store).await;
    let before = a.l2.calls(L2Operation::Purged);
    a.version_of("red").await.unwrap();
    assert_eq!(a.l2.calls(L2Operation::Purged), before + 1);
}

#[tokio::test(start_paused = true)]
async fn where_the_store_cannot_be_asked_there_is_an_error_that_says_so() {
    let store = store();
    let a = pod(&store).await;
    a.l2.set(L2Operation::Purged, GONE);
    let error = a.version_of("red").await.unwrap_err();
    assert!(matches!(error, CacheError::VersionUnknown { .. }));
    let text = error.to_string();
    assert!(text.contains("\"shared tag:red\""), "{text}");
    assert!(text.contains("unavailable"), "{text}");
    assert!(!error.is_permanent());
    a.heal();
    // Nobody knows whether a server whose polls are not answered is still the one.
    a.be_deaf();
    live(MINUTE).await;
    assert!(a.version_of("red").await.is_err());
    a.heal();
    live(BOUND).await;
    assert!(a.version_of("red").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn while_a_purge_of_it_waits_to_be_sent_there_is_no_version() {
    let store = store();
    let a = pod(&store).await;
    let before = a.version_of("red").await.unwrap();
    a.l2.set(L2Operation::Invalidate, GONE);
    assert!(!purge(&a, "remove red").await.is_applied());
    let error = a.version_of("red").await.unwrap_err();
    assert!(error.to_string().contains("waits to be sent"), "{error}");
    assert!(a.version_of("blue").await.is_ok());
    a.heal();
    live(BOUND).await;
    assert_ne!(a.version_of("red").await.unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_went_back_gives_no_version_of_before() {
    let store = store();
    let a = pod(&store).await;
    let older = store.snapshot();
    assert!(purge(&a, "remove red").await.is_applied());
    store.restore(&older);
    let error = a.version_of("red").await.unwrap_err();
    assert!(error.to_string().contains("knows less"), "{error}");
    moment().await;
    assert!(a.stats().breaks > 0, "it was polled at once");
    a.version_of("red").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_version_of_what_cannot_be_named_is_an_error() {
    let cache = cache();
    let refused = cache.version_of("").await;
    assert!(matches!(refused, Err(CacheError::InvalidTag { .. })));
    cache.stop(MINUTE).await;
    let refused = cache.version_of("red").await;
    assert!(matches!(refused, Err(CacheError::Stopped)));
}
