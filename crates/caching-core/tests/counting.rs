//! Counts of reads: each read counts once, whatever it took to answer it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{FactoryContext, HybridCache};
use support::pods::{Truth, fill, live, moment, pod, read, store};
use support::{MINUTE, Source, cache, settle};

/// All reads, by how they were answered.
fn reads(cache: &HybridCache) -> u64 {
    let stats = cache.stats();
    stats.hits + stats.l2_hits + stats.misses + stats.joins + stats.stale_hits
}

#[tokio::test(start_paused = true)]
async fn a_read_whose_early_refresh_finds_what_another_pod_has_refreshed_counts_once() {
    let (store, truth) = (store(), Truth::new());
    let (a, b) = (pod(&store).await, pod(&store).await);
    fill(&[&a, &b], &truth).await;
    live(4 * MINUTE).await;
    for pod in [&a, &b] {
        assert!(read(pod, &truth).await.1.is_hit());
        moment().await;
    }
    assert_eq!(truth.runs(), 2, "one load, and one refresh for both");
    assert_eq!(b.stats().eager_refreshes, 1, "it had begun one");
    assert_eq!((reads(&a), reads(&b)), (2, 2));
    assert_eq!((b.stats().hits, b.stats().l2_hits), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_load_in_vain_and_then_finds_a_value_counts_as_a_hit() {
    let (cache, slow, own) = (cache(), Source::gated(), Source::open());
    let private = slow.gives(1_u32);
    let first = {
        let cache = cache.clone();
        tokio::spawn(async move {
            let factory = move |mut cx: FactoryContext| {
                cx.do_not_store();
                private(cx)
            };
            cache.get_or_set("key", factory).await
        })
    };
    settle().await;
    let second = {
        let (cache, own) = (cache.clone(), own.clone());
        tokio::spawn(async move { cache.get_or_set("key", own.gives(2_u32)).await })
    };
    settle().await;
    cache.set("key", 3_u32).await.unwrap().accept_queued();
    slow.let_through().await;
    assert_eq!(*first.await.unwrap().unwrap(), 1);
    assert_eq!(*second.await.unwrap().unwrap(), 3);
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.hits, own.runs()), (1, 1, 0));
    assert_eq!(reads(&cache), 2);
}
