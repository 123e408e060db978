//! What one tenant keeps in a cache, no other one reads or removes.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use caching_core::{Batch, BoxError, CacheError, CacheKey, HybridCache, KeyKind, Scope, Tag};
use caching_tenancy::{Tenant, TenantScope};
use tokio::sync::Barrier;

use support::{as_tenant, cache, scope_of, tenant, tenant_seen};

#[derive(CacheKey)]
#[cache_key(kind = "greeting", value = String, template = "{language}", tags = ["language:{language}"])]
struct GreetingKey {
    language: String,
}

#[derive(CacheKey)]
#[cache_key(kind = "feature", value = String, template = "{name}", scope = shared)]
struct FeatureKey {
    name: String,
}

fn greeting(language: &str) -> GreetingKey {
    GreetingKey {
        language: language.to_owned(),
    }
}

fn feature(name: &str) -> FeatureKey {
    FeatureKey {
        name: name.to_owned(),
    }
}

/// Keeps the tenant's own name under two keys, one of them tagged by its type.
async fn fill(cache: &HybridCache, name: &str) {
    as_tenant(name, async {
        for key in ["motd", "hours"] {
            cache
                .set(key, name.to_owned())
                .await
                .unwrap()
                .accept_queued();
        }
        cache
            .set(&greeting("en"), name.to_owned())
            .await
            .unwrap()
            .accept_queued();
    })
    .await;
}

/// What the tenant reads back: `motd`, `hours`, and the English greeting.
async fn kept(cache: &HybridCache, name: &str) -> [Option<String>; 3] {
    as_tenant(name, async {
        let text = |value: Option<Arc<String>>| value.map(|text| text.to_string());
        [
            text(cache.get("motd").await.unwrap()),
            text(cache.get("hours").await.unwrap()),
            text(cache.get(&greeting("en")).await.unwrap()),
        ]
    })
    .await
}

fn all(name: &str) -> [Option<String>; 3] {
    [(); 3].map(|()| Some(name.to_owned()))
}

async fn two_tenants() -> HybridCache {
    let cache = cache();
    fill(&cache, "acme").await;
    fill(&cache, "globex").await;
    cache
}

#[tokio::test]
async fn the_same_key_in_two_tenants_is_two_entries() {
    let cache = two_tenants().await;
    assert_eq!(kept(&cache, "acme").await, all("acme"));
    assert_eq!(kept(&cache, "globex").await, all("globex"));
    assert_eq!(kept(&cache, "initech").await, [None, None, None]);
}

#[tokio::test]
async fn a_look_into_the_process_alone_sees_the_own_tenants_entry() {
    let cache = two_tenants().await;
    let seen = Tenant::sync_scope(tenant("globex"), || cache.peek::<_, String>("motd"));
    assert_eq!(seen.unwrap().as_deref().map(String::as_str), Some("globex"));
    let seen = Tenant::sync_scope(tenant("initech"), || cache.peek::<_, String>("motd"));
    assert_eq!(seen.unwrap(), None);
}

#[tokio::test]
async fn remove_of_a_tenant_leaves_the_same_key_of_others() {
    let cache = two_tenants().await;
    let removed = as_tenant("acme", async { cache.remove("motd").await }).await;
    removed.unwrap().accept_queued();
    assert_eq!(kept(&cache, "acme").await[0], None);
    assert_eq!(kept(&cache, "globex").await, all("globex"));
}

#[tokio::test]
async fn clear_of_a_tenant_leaves_the_others() {
    let cache = two_tenants().await;
    as_tenant("acme", async {
        cache.clear().await.unwrap().accept_queued()
    })
    .await;
    assert_eq!(kept(&cache, "acme").await, [None, None, None]);
    assert_eq!(kept(&cache, "globex").await, all("globex"));
}

#[tokio::test]
async fn a_purged_tag_of_a_tenant_leaves_the_same_tag_of_others() {
    let cache = two_tenants().await;
    as_tenant("acme", async {
        let tag = Tag::of("language", &"en");
        cache.remove_by_tag(tag).await.unwrap().accept_queued();
    })
    .await;
    let [motd, _, english] = kept(&cache, "acme").await;
    assert_eq!((motd, english), (Some("acme".to_owned()), None));
    assert_eq!(kept(&cache, "globex").await, all("globex"));
}

#[tokio::test]
async fn a_removed_kind_of_a_tenant_leaves_the_same_kind_of_others() {
    let cache = two_tenants().await;
    as_tenant("acme", async {
        let kind = KeyKind::new("greeting");
        cache.remove_kind(kind).await.unwrap().accept_queued();
    })
    .await;
    assert_eq!(kept(&cache, "acme").await[2], None);
    assert_eq!(kept(&cache, "globex").await, all("globex"));
}

#[tokio::test]
async fn a_batch_acts_in_the_tenant_that_sends_it() {
    let cache = two_tenants().await;
    as_tenant("acme", async {
        let batch = Batch::new().remove("motd").remove_tag("language:en");
        cache.invalidate(batch).await.unwrap().accept_queued();
    })
    .await;
    assert_eq!(
        kept(&cache, "acme").await,
        [None, Some("acme".to_owned()), None]
    );
    assert_eq!(kept(&cache, "globex").await, all("globex"));
}

#[tokio::test(start_paused = true)]
async fn two_tenants_that_miss_one_key_together_run_a_factory_each() {
    let cache = cache();
    let runs = Arc::new(AtomicUsize::new(0));
    // Both factories wait for each other: one flight for both would run into its limit.
    let both = Arc::new(Barrier::new(2));
    let read = |name: &'static str| {
        let (cache, runs, both) = (cache.clone(), Arc::clone(&runs), Arc::clone(&both));
        as_tenant(name, async move {
            let load = move |_| async move {
                runs.fetch_add(1, Ordering::Relaxed);
                both.wait().await;
                tenant_seen()
            };
            cache.get_or_set("cold", load).await.unwrap()
        })
    };
    let (acme, globex) = tokio::join!(read("acme"), read("globex"));
    assert_eq!((acme.as_str(), globex.as_str()), ("acme", "globex"));
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn without_a_tenant_every_verb_is_an_error_that_names_the_key_and_the_way_out() {
    let cache = two_tenants().await;
    let load = |_| async { Ok::<_, BoxError>("default".to_owned()) };
    let key = greeting("en");
    let errors = [
        cache.get_or_set(&key, load).await.map(drop),
        cache.get(&key).await.map(drop),
        cache.peek(&key).map(drop),
        cache.set(&key, "default".to_owned()).await.map(drop),
        cache.remove(&key).await.map(drop),
        cache.expire(&key).await.map(drop),
    ];
    for error in errors {
        let error = error.unwrap_err();
        assert!(matches!(error, CacheError::NoScope { .. }), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("\"greeting:en\""), "{message}");
        assert!(message.contains("Tenant::scope"), "{message}");
    }
    assert!(cache.clear().await.is_err());
    assert!(cache.remove_by_tag("language:en").await.is_err());
    assert_eq!(kept(&cache, "acme").await, all("acme"));
}

#[tokio::test]
async fn what_is_shared_is_so_by_name_and_apart_from_every_tenant() {
    let cache = two_tenants().await;
    let shared = cache.in_scope(Scope::Shared);
    shared
        .set("motd", "everybody".to_owned())
        .await
        .unwrap()
        .accept_queued();

    let seen = shared.get::<_, String>("motd").await.unwrap();
    assert_eq!(seen.as_deref().map(String::as_str), Some("everybody"));
    let seen = as_tenant("acme", async { shared.get::<_, String>("motd").await }).await;
    assert_eq!(
        seen.unwrap().as_deref().map(String::as_str),
        Some("everybody")
    );

    assert_eq!(kept(&cache, "acme").await, all("acme"));
    assert_eq!(kept(&cache, "initech").await[0], None);
    shared.clear().await.unwrap().accept_queued();
    assert_eq!(kept(&cache, "acme").await, all("acme"));
}

#[tokio::test]
async fn a_shared_key_is_one_entry_whoever_asks_and_its_factory_sees_no_tenant() {
    let cache = cache();
    let read = || async {
        let key = feature("dark-mode");
        let seen = cache.get_or_set(&key, |_| async { tenant_seen() });
        seen.await.unwrap()
    };
    // What the first caller's tenant could see must not be kept for everybody.
    assert_eq!(*as_tenant("acme", read()).await, "nobody");
    assert_eq!(*as_tenant("globex", read()).await, "nobody");
    assert_eq!(*read().await, "nobody");
    assert_eq!(cache.stats().factory_successes, 1);

    as_tenant("acme", async {
        cache.clear().await.unwrap().accept_queued()
    })
    .await;
    assert!(cache.peek(&feature("dark-mode")).unwrap().is_some());
}

#[tokio::test]
async fn an_operator_acts_in_a_tenant_by_name() {
    let cache = two_tenants().await;
    let acme = cache.in_scope(scope_of("acme"));
    acme.remove("motd").await.unwrap().accept_queued();
    // Also from within another tenant, as the handle says whose it is.
    as_tenant("globex", async {
        acme.remove("hours").await.unwrap().accept_queued()
    })
    .await;
    assert_eq!(
        kept(&cache, "acme").await,
        [None, None, Some("acme".to_owned())]
    );
    assert_eq!(kept(&cache, "globex").await, all("globex"));
}

#[tokio::test]
async fn no_part_of_a_key_reaches_into_another_tenant() {
    let cache = cache();
    as_tenant("acme", async {
        cache
            .set(&greeting("en"), "acme".to_owned())
            .await
            .unwrap()
            .accept_queued();
        cache
            .set("secret", "acme".to_owned())
            .await
            .unwrap()
            .accept_queued();
    })
    .await;
    let forged = [
        "en",
        "t:acme:greeting:en",
        "../acme/en",
        "acme:en",
        "en\0",
        "en\n",
        ":en",
        "en:",
        "",
        "t:acme",
        "shared:greeting:en",
        "\u{1f}acme\u{1f}en",
        "%65n",
    ];
    as_tenant("globex", async {
        for text in forged {
            assert_eq!(cache.get(&greeting(text)).await.unwrap(), None, "{text:?}");
        }
        for text in [
            "secret",
            "t:acme:secret",
            "t:acme:plain:secret",
            "acme:secret",
            ":secret",
        ] {
            assert_eq!(
                cache.get::<_, String>(text).await.unwrap(),
                None,
                "{text:?}"
            );
        }
    })
    .await;
    // Within one tenant the same texts are different keys as well.
    as_tenant("acme", async {
        for text in &forged[1..] {
            assert_eq!(cache.get(&greeting(text)).await.unwrap(), None, "{text:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn tenants_whose_names_begin_alike_are_apart() {
    let cache = cache();
    let names = [
        "a", "a-b", "a.b", "a_b", "ab", "a1", "shared", "t", "t-acme",
    ];
    for name in names {
        fill(&cache, name).await;
    }
    for name in names {
        assert_eq!(kept(&cache, name).await, all(name));
    }
}

#[tokio::test]
async fn two_caches_of_one_process_share_a_tenants_number_and_no_entry() {
    let (first, second) = (two_tenants().await, cache());
    assert_eq!(kept(&second, "acme").await, [None, None, None]);
    // A scope that was made beside the one cache means the same tenant to the other.
    fill(&second, "acme").await;
    let cleared = second.in_scope(scope_of("acme")).clear().await;
    cleared.unwrap().accept_queued();
    assert_eq!(kept(&second, "acme").await, [None, None, None]);
    assert_eq!(kept(&first, "acme").await, all("acme"));
}

#[tokio::test]
async fn a_tenant_is_the_same_after_its_text_has_travelled() {
    let scope = cache().key_scope();
    let Scope::Of(acme) = scope_of("acme") else {
        panic!("a tenant has a scope of its own");
    };
    assert_eq!(&*scope.text(acme), "t:acme");
    assert_eq!(scope.parse("t:acme"), Ok(acme));
    assert_eq!(TenantScope::tenant_of(acme), Some(tenant("acme")));
}
