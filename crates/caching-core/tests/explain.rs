//! What a cache says of a key, in each state.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use caching_core::{CacheError, Explanation, HybridCache, KeptHere, KeptThere, Worth};
use support::pods::{BOUND, live, moment, pod, store};
use support::{MINUTE, SECOND, Source, cache, configured, pass, settle};

async fn explained(cache: &HybridCache) -> Explanation {
    let before = cache.stats();
    let said = cache.explain::<_, u32>("key").await.unwrap();
    assert_eq!(
        cache.explain::<_, u32>("key").await.unwrap().here,
        said.here
    );
    assert_eq!(cache.stats(), before, "it counts nowhere");
    said
}

fn worth(said: &Explanation) -> Option<Worth> {
    match said.here {
        KeptHere::Entry { worth, .. } => Some(worth),
        _ => None,
    }
}

async fn kept() -> HybridCache {
    let cache = cache();
    let set = cache.set("key", 1_u32).tags(["red"]);
    set.await.unwrap().accept_queued();
    cache
}

#[tokio::test(start_paused = true)]
async fn a_fresh_entry_is_explained_in_words() {
    let cache = kept().await;
    pass(MINUTE).await;
    assert_eq!(
        explained(&cache).await.to_string(),
        "cache:shared:plain:key\n  \
           here:       fresh: u32, fresh for 240s, kept for 7140s, tags red\n  \
           store:      none is shared\n  \
           get:        the value\n  \
           get_or_set: the value"
    );
}

#[tokio::test(start_paused = true)]
async fn each_state_of_an_entry_is_told_and_what_a_read_would_come_to() {
    let cache = kept().await;
    pass(4 * MINUTE).await;
    let said = explained(&cache).await;
    assert_eq!(worth(&said), Some(Worth::Eager));
    assert_eq!(
        said.get_or_set,
        "the value, and a refresh behind its caller"
    );
    pass(MINUTE).await;
    let said = explained(&cache).await;
    assert_eq!(
        (worth(&said), said.get),
        (
            Some(Worth::Stale),
            "nothing, or the value if stale ones are allowed"
        )
    );
    let fails = Source::open();
    cache.get_or_set("key", fails.fails::<u32>()).await.unwrap();
    let said = explained(&cache).await;
    assert_eq!(
        (worth(&said), said.get_or_set),
        (Some(Worth::Throttled), "the value, labelled stale")
    );
    cache.expire_by_tag("red").await.unwrap().accept_queued();
    assert_eq!(worth(&explained(&cache).await), Some(Worth::ExpiredByPurge));
    cache.remove_by_tag("red").await.unwrap().accept_queued();
    let said = explained(&cache).await;
    assert_eq!(
        (worth(&said), said.get_or_set),
        (Some(Worth::RemovedByPurge), "what its factory brings")
    );
    cache.remove("key").await.unwrap().accept_queued();
    let said = explained(&cache).await;
    assert_eq!((said.here, said.get), (KeptHere::Nothing, "nothing"));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_is_under_way_is_told() {
    let (cache, source) = (configured(""), Source::gated());
    let read = {
        let (cache, source) = (cache.clone(), source.clone());
        tokio::spawn(async move { cache.get_or_set("key", source.gives(1_u32)).await })
    };
    settle().await;
    assert!(explained(&cache).await.is_loading);
    source.let_through().await;
    read.await.unwrap().unwrap();
    assert!(!explained(&cache).await.is_loading);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_has_and_whether_it_can_be_trusted_is_told() {
    let store = store();
    let (a, b) = (pod(&store).await, pod(&store).await);
    a.set("key", 1_u32).await.unwrap().accept_queued();
    moment().await;
    let said = b.explain::<_, u32>("key").await.unwrap();
    assert_eq!(said.here, KeptHere::Nothing);
    assert!(
        matches!(said.there, KeptThere::Record { bytes: 1.., .. }),
        "{said}"
    );
    assert_eq!(said.get, "the value of the store, unless a purge hides it");
    assert!(said.lease_left.is_some_and(|left| left <= BOUND));
    assert_eq!(
        b.explain::<_, u32>("other").await.unwrap().there,
        KeptThere::Nothing
    );
    a.lose_store();
    a.expire("key").await.unwrap().accept_queued();
    let said = a.explain::<_, u32>("key").await.unwrap();
    assert_eq!(said.there, KeptThere::Distrusted);
    live(5 * SECOND).await;
    let said = a.explain::<_, u32>("other").await.unwrap();
    assert_eq!((said.there, said.lease_left), (KeptThere::Away, None));
}

#[tokio::test(start_paused = true)]
async fn an_explanation_of_a_stopped_cache_is_an_error() {
    let cache = cache();
    cache.stop(SECOND).await;
    let error = cache.explain::<_, u32>("key").await.unwrap_err();
    assert!(matches!(error, CacheError::Stopped), "{error}");
}
