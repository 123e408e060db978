//! The tenant of a call reaches what goes on behind it, over a real server, and into no other's record.

#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod app_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app_support::*;
use caching_testkit::{FaultProxy, Gate, RedisServer};

const TENANTS: [&str; 2] = ["acme", "globex"];

#[tokio::test]
async fn an_eager_refresh_writes_the_record_of_the_tenant_whose_hit_began_it() {
    let server = RedisServer::start().await.unwrap();
    let settings = "cache.defaults.duration = \"30s\"\ncache.defaults.eager_refresh = 0.01";
    let pod = Pod::with(&server, settings).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let read = async |tenant: &str| {
        let runs = Arc::clone(&runs);
        let load = move |_| async move {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            // The caller has gone on by now, and works for somebody else.
            tokio::task::yield_now().await;
            Ok::<_, caching_core::BoxError>(format!("{} in run {run}", value_of("a")?))
        };
        let value = as_tenant(tenant, async { pod.get_or_set("a", load).await }).await;
        assert!(value.unwrap().starts_with(&format!("<a of {tenant}>")));
    };
    let mut before = Vec::new();
    for tenant in TENANTS {
        read(tenant).await;
        before.push(stored(&server, &record(tenant, "a")).await);
    }
    until("both were refreshed behind a hit", async || {
        // The other one first: nobody's refresh is begun by its own first caller's order.
        for tenant in ["globex", "acme"] {
            read(tenant).await;
        }
        let now = records(&server).await;
        let is_other = |(tenant, bytes)| now.get(&record(tenant, "a")) != Some(bytes);
        TENANTS.into_iter().zip(&before).all(is_other)
    })
    .await;
    let stats = pod.stats();
    assert!(stats.eager_refreshes >= 2, "{stats:?}");
    assert_eq!(stats.misses, 2, "all but the first reads were hits");
    for (own, other) in [("acme", "globex"), ("globex", "acme")] {
        let bytes = stored(&server, &record(own, "a")).await;
        let is_own = holds(&bytes, &format!("<a of {own}>")) && !holds(&bytes, other);
        assert!(is_own, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test]
async fn a_factory_that_goes_on_behind_its_caller_fills_the_record_of_its_tenant() {
    let server = RedisServer::start().await.unwrap();
    let settings = format!("{NO_REFRESH}\ncache.defaults.factory_soft_limit = \"30ms\"");
    let (one, two) = (
        Pod::with(&server, &settings).await,
        Pod::start(&server).await,
    );
    let gate = Gate::closed();
    for tenant in TENANTS {
        one.read(tenant, "a").await;
        let bytes = stored(&server, &record(tenant, "a")).await;
        assert!(!holds(&bytes, "late"));
        let expired = as_tenant(tenant, async { one.expire("a").await }).await;
        assert!(expired.unwrap().is_applied());
        let gate = gate.clone();
        let load = move |_| async move {
            gate.pass().await;
            Ok::<_, caching_core::BoxError>(format!("{}, late", value_of("a")?))
        };
        let read = as_tenant(tenant, async { one.get_or_set("a", load).detailed().await });
        let read = read.await.unwrap();
        assert!(read.outcome.is_stale(), "{:?}", read.outcome);
        assert_eq!(*read.value, format!("<a of {tenant}>"));
    }
    gate.open();
    for tenant in TENANTS {
        let late = format!("<a of {tenant}>, late");
        until("it is in the tenant's record", async || {
            holds(&stored(&server, &record(tenant, "a")).await, &late)
        })
        .await;
        assert_eq!(two.read(tenant, "a").await, (late, L2_HIT));
    }
}

#[tokio::test]
async fn what_waits_for_redis_to_come_back_invalidates_in_the_tenant_that_asked() {
    let server = RedisServer::start().await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let cut_off = Pod::of(builder(&server.url_at(proxy.address()), NO_REFRESH)).await;
    let other = Pod::start(&server).await;
    for how in ["remove", "remove_by_tag", "clear"] {
        for tenant in TENANTS {
            other.read(tenant, "a").await;
            stored(&server, &record(tenant, "a")).await;
        }
        let of_globex = stored(&server, &record("globex", "a")).await;

        proxy.cut();
        let asked = as_tenant("acme", async {
            match how {
                "remove" => cut_off.remove("a").await,
                "remove_by_tag" => cut_off.remove_by_tag("red").await,
                _ => cut_off.clear().await,
            }
        });
        assert!(!asked.await.unwrap().is_applied(), "{how}: nobody heard it");
        assert_eq!(cut_off.shared_status().unwrap().queued, 1);
        let is_there = records(&server).await.contains_key(&record("acme", "a"));
        assert!(is_there, "{how}: it waits");

        proxy.heal();
        until("it was sent after all", async || {
            cut_off.shared_status().unwrap().queued == 0
        })
        .await;
        let late = Pod::start(&server).await;
        assert!(!late.read("acme", "a").await.1.is_hit(), "{how}");
        let now = stored(&server, &record("globex", "a")).await;
        assert_eq!(now, of_globex, "{how}");
        assert_eq!(late.read("globex", "a").await.1, L2_HIT, "{how}");
        until("the other pod has heard whose it was", async || {
            other.read("acme", "a").await.1 == L1_HIT && other.shared_status().unwrap().is_current()
        })
        .await;
        assert!(other.keeps("globex", "a"), "{how}");
    }
}
