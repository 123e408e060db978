//! The tenant of a call reaches everything that the call starts.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use caching_core::{BoxError, EntryOptions, HybridCache, Limit};
use caching_tenancy::Tenant;
use tokio::sync::Notify;
use tokio::time::{advance, sleep};

use support::{as_tenant, cache, tenant, tenant_seen};

const MINUTE: Duration = Duration::from_secs(60);

async fn read(cache: &HybridCache) -> String {
    let value = cache.get_or_set("key", |_| async {
        tokio::task::yield_now().await;
        tenant_seen()
    });
    value.duration(MINUTE).await.unwrap().to_string()
}

#[tokio::test]
async fn a_factory_works_for_the_tenant_of_the_call() {
    let cache = cache();
    assert_eq!(as_tenant("acme", read(&cache)).await, "acme");
    assert_eq!(as_tenant("globex", read(&cache)).await, "globex");
}

#[tokio::test]
async fn a_task_that_a_factory_spawns_with_us_works_for_the_tenant() {
    let cache = cache();
    let seen = as_tenant("acme", async {
        let load = |_| async { Tenant::spawn(async { tenant_seen() }).await? };
        cache.get_or_set("key", load).await
    });
    assert_eq!(*seen.await.unwrap(), "acme");
}

#[tokio::test(start_paused = true)]
async fn an_eager_refresh_works_for_the_tenant_whose_hit_began_it() {
    let cache = cache();
    let (sender, mut refreshed) = tokio::sync::mpsc::unbounded_channel();
    let read = || async {
        let sender = sender.clone();
        let load = move |_| async move {
            sleep(Duration::from_secs(1)).await;
            let seen = tenant_seen()?;
            sender.send(seen.clone())?;
            Ok::<_, BoxError>(seen)
        };
        let value = cache.get_or_set("key", load).duration(MINUTE).await;
        value.unwrap().to_string()
    };
    for name in ["acme", "globex"] {
        assert_eq!(as_tenant(name, read()).await, name);
        assert_eq!(refreshed.recv().await.as_deref(), Some(name));
    }
    advance(MINUTE * 9 / 10).await;
    for name in ["globex", "acme"] {
        // A hit: the refresh goes on behind it, in no task of the caller's.
        assert_eq!(as_tenant(name, read()).await, name);
    }
    let mut seen = [refreshed.recv().await, refreshed.recv().await];
    seen.sort_unstable();
    assert_eq!(seen, ["acme", "globex"].map(|name| Some(name.to_owned())));
    assert_eq!(cache.stats().factory_successes, 4);
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_goes_on_behind_its_caller_still_works_for_the_tenant() {
    let cache = cache();
    let options = EntryOptions::new()
        .duration(MINUTE)
        .factory_soft_limit(Limit::After(Duration::from_secs(1)))
        .factory_hard_limit(Limit::Off);
    let done = Arc::new(Notify::new());
    as_tenant("acme", async {
        let old = cache.set("key", "old".to_owned()).duration(MINUTE);
        old.await.unwrap().accept_queued();
        advance(MINUTE * 2).await;

        let signal = Arc::clone(&done);
        let load = move |_| async move {
            sleep(Duration::from_secs(5)).await;
            let seen = tenant_seen();
            signal.notify_one();
            seen
        };
        let value = cache.get_or_set("key", load).options(options).await;
        assert_eq!(*value.unwrap(), "old");
    })
    .await;

    done.notified().await;
    assert_eq!(as_tenant("acme", read(&cache)).await, "acme");
    assert_eq!(cache.stats().factory_successes, 1);
}

#[tokio::test]
async fn a_factory_whose_caller_has_left_still_works_for_the_tenant() {
    let cache = cache();
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let load = move |_| async move {
        gate.notified().await;
        tenant_seen()
    };
    let mut first = Box::pin(as_tenant("acme", async {
        cache.get_or_set("key", load).await.unwrap()
    }));
    let mut second = Box::pin(as_tenant("acme", read(&cache)));
    // Both wait for the one factory, then the one who brought it leaves.
    poll_fn(|cx| {
        assert!(first.as_mut().poll(cx).is_pending());
        assert!(second.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    drop(first);
    go.notify_one();
    assert_eq!(second.await, "acme");
    assert_eq!(cache.stats().factory_successes, 1);
}

#[tokio::test]
async fn a_call_belongs_to_the_tenant_in_which_it_was_made_not_awaited() {
    let cache = cache();
    let made_by_acme = Tenant::sync_scope(tenant("acme"), || {
        std::future::IntoFuture::into_future(cache.set("key", "acme".to_owned()))
    });
    as_tenant("globex", made_by_acme)
        .await
        .unwrap()
        .accept_queued();

    assert_eq!(as_tenant("globex", read(&cache)).await, "globex");
    assert_eq!(as_tenant("acme", read(&cache)).await, "acme");
    assert_eq!(cache.stats().factory_successes, 1);
}
