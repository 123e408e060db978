//! A source that lags, and those who join its loads: nobody is given what is too old for them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{EntryOptions, FactoryContext, HybridCache, Tag};
use caching_testkit::Gate;
use support::pods::{BOUND, live, pod_with, store};
use support::replica::{LAG, LAGGING, Replica, TICK, pod, read, read_behind};
use support::{SECOND, configured};
use tokio::task::JoinHandle;

#[tokio::test(start_paused = true)]
async fn nobody_joins_a_load_whose_value_will_be_too_old_for_them() {
    let store = store();
    let a = pod(&store).await;
    let replica = Replica::new(LAG).await;
    replica.commit();
    a.remove("key").await.unwrap().accept_queued();
    live(LAG - SECOND).await;
    let slow = Gate::closed();
    let first = read_behind(&a, &replica, &slow);
    slow.arrivals(1).await;
    let early = read_behind(&a, &replica, &Gate::opened());
    live(SECOND + BOUND + TICK).await;
    assert_eq!(read(&a, &replica).await.0, 2, "it does not join");
    slow.open();
    assert_eq!(first.await.unwrap().0, 1);
    assert_eq!(early.await.unwrap().0, 1, "it came in time, and did");
    assert_eq!(read(&a, &replica).await.0, 2, "what came late is not kept");
    assert_eq!(replica.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_the_factory_names_counts_for_those_who_joined() {
    let store = store();
    let a = pod(&store).await;
    let replica = Replica::new(LAG).await;
    replica.commit();
    a.remove_by_tag("late").await.unwrap().accept_queued();
    live(LAG - SECOND).await;
    let slow = Gate::closed();
    let get = |gate: &Gate| {
        let (cache, load) = (a.cache.clone(), replica.load_behind(gate));
        tokio::spawn(async move {
            let factory = |mut cx: FactoryContext| {
                cx.add_tag(Tag::from("late"));
                load(cx)
            };
            *cache.get_or_set("key", factory).await.unwrap()
        })
    };
    let first = get(&slow);
    slow.arrivals(1).await;
    live(SECOND + BOUND + TICK).await;
    let late = get(&Gate::opened());
    live(TICK).await;
    slow.open();
    assert_eq!((first.await.unwrap(), late.await.unwrap()), (1, 2));
}

/// Reads `key` behind a gate, where the call or its factory alone says that the source lags.
fn read_lagging(
    cache: &HybridCache,
    replica: &Replica,
    gate: &Gate,
    who_says: &'static str,
) -> JoinHandle<u64> {
    let (cache, load) = (cache.clone(), replica.load_behind(gate));
    let lagging = EntryOptions::new().source_lag(LAG);
    let factory_says = lagging.clone();
    tokio::spawn(async move {
        let factory = move |mut cx: FactoryContext| {
            if who_says == "factory" {
                cx.set_options(factory_says);
            }
            load(cx)
        };
        let read = cache.get_or_set("key", factory);
        let read = match who_says {
            "call" => read.options(lagging),
            _ => read,
        };
        *read.await.unwrap()
    })
}

#[tokio::test(start_paused = true)]
async fn a_lag_that_a_factory_or_another_call_says_counts_for_those_who_joined() {
    for who_says in ["factory", "call"] {
        let store = store();
        let a = pod_with(&store, "[defaults]\neager_refresh = 'off'").await;
        live(LAG + SECOND).await;
        let replica = Replica::new(LAG).await;
        replica.commit();
        a.remove("key").await.unwrap().accept_queued();
        live(LAG - SECOND).await;
        let slow = Gate::closed();
        let first = read_lagging(&a, &replica, &slow, who_says);
        slow.arrivals(1).await;
        let early = read_lagging(&a, &replica, &Gate::opened(), "nobody");
        live(SECOND + BOUND + TICK).await;
        let late = read_lagging(&a, &replica, &Gate::opened(), "nobody");
        live(TICK).await;
        assert_eq!(replica.runs(), 1, "{who_says}: both joined");
        slow.open();
        assert_eq!(first.await.unwrap(), 1, "{who_says}");
        assert_eq!(early.await.unwrap(), 1, "{who_says}: it came in time");
        assert_eq!(late.await.unwrap(), 2, "{who_says}");
    }
}

#[tokio::test(start_paused = true)]
async fn alone_those_who_come_during_a_load_that_may_not_be_kept_wait_for_it_and_share_the_next() {
    let cache = configured(LAGGING);
    let replica = Replica::new(LAG).await;
    replica.commit();
    for _ in 0..2 {
        cache.clear().await.unwrap().accept_queued();
    }
    live(LAG - TICK).await;
    let slow = Gate::closed();
    let first = read_behind(&cache, &replica, &slow);
    slow.arrivals(1).await;
    let mut others = Vec::new();
    for _ in 0..20 {
        live(TICK).await;
        others.push(read_behind(&cache, &replica, &Gate::opened()));
    }
    live(TICK).await;
    assert_eq!(replica.runs(), 1, "one at a time");
    slow.open();
    assert_eq!(first.await.unwrap().0, 1);
    for other in others {
        assert_eq!(other.await.unwrap().0, 2, "not of before they came");
    }
    assert_eq!(replica.runs(), 2, "and one for all who came meanwhile");
}
