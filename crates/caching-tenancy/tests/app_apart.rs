//! The same key in two tenants, in applications over a real server: nothing of it is one.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app_support::*;
use caching_core::{CacheKey, Invalidated, KeyKind, Outcome};
use caching_testkit::{Gate, RedisServer};

const TENANTS: [&str; 2] = ["acme", "globex"];

#[tokio::test]
async fn the_same_key_in_two_tenants_is_two_entries_and_two_records() {
    let server = RedisServer::start().await.unwrap();
    let (one, two) = (Pod::start(&server).await, Pod::start(&server).await);
    for tenant in TENANTS {
        let (value, outcome) = one.read(tenant, "a").await;
        assert_eq!(value, format!("<a of {tenant}>"));
        assert!(!outcome.is_hit(), "no tenant is given the other's");
        stored(&server, &record(tenant, "a")).await;
    }
    // In Redis: two records, each with its own value and nothing of the other's.
    let records = records(&server).await;
    let names: Vec<_> = records.keys().map(String::as_str).collect();
    assert_eq!(names, [record("acme", "a"), record("globex", "a")]);
    for (own, other) in [("acme", "globex"), ("globex", "acme")] {
        let bytes = &records[&record(own, "a")];
        assert!(holds(bytes, &format!("<a of {own}>")), "{bytes:?}");
        assert!(!holds(bytes, other), "{bytes:?}");
    }
    // In the process, here and where they come from Redis.
    for (pod, level) in [(&one, L1_HIT), (&two, L2_HIT), (&two, L1_HIT)] {
        for tenant in TENANTS {
            let expected = (format!("<a of {tenant}>"), level);
            assert_eq!(pod.read(tenant, "a").await, expected);
            assert!(pod.keeps(tenant, "a") && !pod.keeps("initech", "a"));
        }
    }
    // And so they count as two.
    for (pod, loads) in [(&one, 2), (&two, 0)] {
        let stats = pod.stats();
        assert_eq!((stats.entries, stats.factory_successes), (2, loads));
    }
    assert_eq!(two.stats().l2_hits, 2);
}

/// Whose claims to load a key there are.
async fn claims(server: &RedisServer) -> Vec<String> {
    let names = names(server).await.into_iter();
    let claims = names.filter_map(|name| {
        let claim = name.strip_prefix("{shop}:@claim:")?;
        let (_field, key) = claim.split_once(":t:")?;
        Some(key.strip_suffix(":plain:a")?.to_owned())
    });
    let mut claims: Vec<_> = claims.collect();
    claims.sort();
    claims
}

/// How often a claim was looked at: what is read with GET is nothing else.
async fn attempts(server: &RedisServer) -> u64 {
    server.info("commandstats").await.unwrap().calls("get")
}

#[tokio::test]
async fn tenants_that_miss_one_key_together_have_a_flight_and_a_claim_each_over_all_pods() {
    let server = RedisServer::start().await.unwrap();
    let pods = [Pod::start(&server).await, Pod::start(&server).await];
    let (gate, runs) = (Gate::closed(), Arc::new(AtomicUsize::new(0)));
    let read = |pod: &Pod, tenant: &'static str| {
        let (cache, gate, runs) = ((**pod).clone(), gate.clone(), Arc::clone(&runs));
        tokio::spawn(as_tenant(tenant, async move {
            let load = move |_| async move {
                runs.fetch_add(1, Ordering::SeqCst);
                gate.pass().await;
                value_of("a")
            };
            cache.get_or_set("a", load).await.unwrap().to_string()
        }))
    };
    let mut reads: Vec<_> = TENANTS
        .map(|tenant| (tenant, read(&pods[0], tenant)))
        .into();
    // Neither waits for the other, who stands at the gate.
    gate.arrivals(2).await;
    assert_eq!(claims(&server).await, TENANTS);
    // On the other pod each tenant's reader asks for its own tenant's claim, and waits.
    let asked = attempts(&server).await;
    reads.extend(TENANTS.map(|tenant| (tenant, read(&pods[1], tenant))));
    until("they have asked several times", async || {
        attempts(&server).await >= asked + 6
    })
    .await;
    gate.open();
    for (tenant, read) in reads {
        assert_eq!(read.await.unwrap(), format!("<a of {tenant}>"));
    }
    assert_eq!(runs.load(Ordering::SeqCst), 2, "one a tenant over all pods");
}

#[derive(CacheKey)]
#[cache_key(kind = "greeting", value = String, template = "{language}", tags = ["red"])]
struct GreetingKey {
    language: &'static str,
}

const GREETING: GreetingKey = GreetingKey { language: "en" };

/// Reads the greeting of a tenant.
async fn greeting(pod: &Pod, tenant: &str) -> (String, Outcome) {
    let load = |_| async { value_of("greeting") };
    let read = async { pod.get_or_set(&GREETING, load).detailed().await.unwrap() };
    let cached = as_tenant(tenant, read).await;
    (cached.value.to_string(), cached.outcome)
}

/// What a tenant does to its greeting.
async fn invalidate(pod: &Pod, how: &str) -> Invalidated {
    match how {
        "remove" => pod.remove(&GREETING).await,
        "expire" => pod.expire(&GREETING).await,
        "remove_by_tag" => pod.remove_by_tag("red").await,
        "expire_by_tag" => pod.expire_by_tag("red").await,
        "remove_kind" => pod.remove_kind(KeyKind::new("greeting")).await,
        "expire_all" => pod.expire_all().await,
        _ => pod.clear().await,
    }
    .unwrap()
}

#[tokio::test]
async fn what_a_tenant_removes_purges_or_clears_leaves_the_bytes_of_the_others_and_readable() {
    let server = RedisServer::start().await.unwrap();
    let pods = [Pod::start(&server).await, Pod::start(&server).await];
    for how in [
        "remove",
        "expire",
        "remove_by_tag",
        "expire_by_tag",
        "remove_kind",
        "expire_all",
        "clear",
    ] {
        for tenant in TENANTS {
            let name = format!("{{shop}}:t:{tenant}:greeting:en");
            greeting(&pods[0], tenant).await;
            stored(&server, &name).await;
            until("both pods keep it", async || {
                greeting(&pods[0], tenant).await.1 == L1_HIT
                    && greeting(&pods[1], tenant).await.1 == L1_HIT
            })
            .await;
        }
        let others = "{shop}:t:globex:greeting:en";
        let before = stored(&server, others).await;
        let done = as_tenant("acme", invalidate(&pods[0], how)).await;
        assert!(done.is_applied(), "{how}");

        // Whoever has not heard of it reads Redis: nobody is given acme's of before.
        let late = Pod::start(&server).await;
        assert!(!greeting(&late, "acme").await.1.is_hit(), "{how}");
        assert_eq!(stored(&server, others).await, before, "{how}");
        let expected = "<greeting of globex>".to_owned();
        assert_eq!(
            greeting(&late, "globex").await,
            (expected.clone(), L2_HIT),
            "{how}: the record is still good"
        );
        for pod in &pods {
            // By then each pod has heard of it.
            until("it is acme's new one that is kept", async || {
                let (_, outcome) = greeting(pod, "acme").await;
                outcome == L1_HIT && pod.shared_status().unwrap().is_current()
            })
            .await;
            let kept = greeting(pod, "globex").await;
            assert_eq!(kept, (expected.clone(), L1_HIT), "{how}");
        }
    }
}
