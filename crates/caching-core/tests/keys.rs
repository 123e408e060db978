//! Typed keys: what the derive makes of a struct, and how it refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{CacheConfig, CacheKey, HybridCache, Key, Tag, Tags};
use support::cache;

#[derive(CacheKey)]
#[cache_key(kind = "list", value = Vec<u32>, template = "{customer}/page/{page}", tags = ["customer:{customer}"])]
struct ListKey {
    customer: String,
    page: u32,
}

#[derive(CacheKey)]
#[cache_key(kind = "rates", value = f64, scope = shared, version = 2)]
struct RatesKey;

#[derive(CacheKey)]
#[cache_key(kind = "pair", value = u32)]
struct PairKey {
    one: String,
    other: String,
}

/// A value without serde: it holds what cannot be written down.
struct Connection(#[allow(dead_code)] std::sync::Mutex<u32>);

#[derive(CacheKey)]
#[cache_key(kind = "connection", value = Connection, template = "{host}", local)]
struct ConnectionKey {
    host: &'static str,
}

fn text(key: &impl Key) -> String {
    key.with_text(|text| String::from_utf8(text.to_vec()).unwrap())
}

fn pair(one: &str, other: &str) -> PairKey {
    PairKey {
        one: one.into(),
        other: other.into(),
    }
}

#[test]
fn a_template_gives_the_text_and_escapes_its_parts() {
    let key = ListKey {
        customer: "a/b:c\n".into(),
        page: 3,
    };
    assert_eq!(text(&key), "a%2Fb%3Ac%0A/page/3");
    assert_eq!(key.kind().name(), "list");
    let mut tags = Tags::new();
    Key::tags(&key, &mut tags);
    let tags: Vec<&Tag> = tags.iter().collect();
    assert_eq!(tags, [&Tag::of("customer", "a/b:c\n")]);
}

#[test]
fn without_a_template_all_fields_are_joined() {
    assert_eq!(text(&pair("a", "b")), "a:b");
    assert_eq!(text(&RatesKey), "");
}

#[test]
fn no_two_keys_of_a_kind_render_alike() {
    let parts = ["", ":", "::", "a", "a:", ":a", "a:b", "%3A", "%", "é", "\0"];
    let mut seen = std::collections::HashMap::new();
    for one in parts {
        for other in parts {
            let before = seen.insert(text(&pair(one, other)), (one, other));
            assert_eq!(before, None, "{one:?} and {other:?}");
        }
    }
}

#[test]
fn scope_and_version_are_those_of_the_attribute() {
    assert!(RatesKey.is_shared());
    assert!(!pair("a", "b").is_shared());
    assert_eq!(RatesKey::VALUE.version(), 2);
    assert_eq!(PairKey::VALUE.version(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_local_key_keeps_values_without_serde() {
    let cache = cache();
    let key = ConnectionKey { host: "db" };
    let made = cache
        .get_or_set(&key, |_| async {
            Ok::<_, std::io::Error>(Connection(7.into()))
        })
        .await
        .unwrap();
    let again = cache.get(&key).await.unwrap().unwrap();
    assert!(std::sync::Arc::ptr_eq(&made, &again));
    assert!(ConnectionKey::VALUE.is_local());
}

#[tokio::test(start_paused = true)]
async fn equal_texts_of_different_kinds_are_different_keys() {
    let cache = cache();
    cache.set(&pair("a", "b"), 1).await.unwrap().accept_queued();
    assert_eq!(cache.get::<_, u32>("a:b").await.unwrap(), None);
}

/// The key as it leaves the process.
async fn physical(cache: &HybridCache, key: &str) -> String {
    let load = cache.get_or_set(key, |cx| async move {
        Ok::<_, std::io::Error>(cx.physical_key().to_owned())
    });
    (*load.await.unwrap()).clone()
}

#[tokio::test(start_paused = true)]
async fn physical_keys_of_different_plain_keys_differ() {
    let cache = cache();
    let spaced = physical(&cache, "a b").await;
    assert_ne!(spaced, physical(&cache, "a%20b").await);
}

#[tokio::test(start_paused = true)]
async fn a_default_prefix_given_before_the_configuration_holds() {
    let cache = HybridCache::builder()
        .default_key_prefix("shop")
        .config(CacheConfig::default())
        .build()
        .unwrap();
    let physical = physical(&cache, "a").await;
    assert!(physical.starts_with("shop:"), "{physical}");
}

#[test]
fn a_wrong_derive_is_refused_with_a_message_that_helps() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/*.rs");
}
