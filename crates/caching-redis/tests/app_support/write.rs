//! Everything that invalidates, and pods that agree afterwards.

use std::time::Duration;

use caching_core::{Batch, EntryOptions, HybridCache, Invalidated, Outcome};
use caching_testkit::Gate;
use tokio::task::JoinHandle;

use super::{Pod, Source, until};

/// What a read gave, and how it came to it.
pub type Reading = (u64, Outcome);

/// Everything that invalidates a key that carries the tag `red`.
pub const INVALIDATIONS: [&str; 9] = [
    "remove",
    "expire",
    "remove_by_tag",
    "expire_by_tag",
    "clear",
    "expire_all",
    "clear_all_scopes",
    "batch",
    "set",
];

/// Invalidates a key; `set` puts what the source holds.
pub async fn invalidate(cache: &HybridCache, how: &str, key: &str, source: &Source) -> Invalidated {
    match how {
        "remove" => cache.remove(key).await,
        "expire" => cache.expire(key).await,
        "remove_by_tag" => cache.remove_by_tag("red").await,
        "expire_by_tag" => cache.expire_by_tag("red").await,
        "clear" => cache.clear().await,
        "expire_all" => cache.expire_all().await,
        "clear_all_scopes" => cache.clear_all_scopes().await,
        "batch" => {
            let batch = Batch::new().remove("another").remove(key);
            cache.invalidate(batch).await
        }
        _ => cache.set(key, source.value()).tags(["red"]).await,
    }
    .unwrap()
}

/// Commits the next number, invalidates the key, and waits until these pods have heard of it.
pub async fn heard_of(
    pods: &[&Pod],
    writer: &HybridCache,
    how: &str,
    key: &str,
    source: &Source,
) -> u64 {
    let before = have_heard(pods).await;
    let newest = source.commit();
    let done = invalidate(writer, how, key, source).await;
    assert!(done.is_applied(), "{how}");
    for (pod, before) in pods.iter().zip(before) {
        until("it is heard of", async || has_heard(pod) > before).await;
    }
    newest
}

/// How many notices a pod has heard.
pub fn has_heard(pod: &Pod) -> u64 {
    pod.stats().notices
}

/// The same of several, once what was said before has come.
pub async fn have_heard(pods: &[&Pod]) -> Vec<u64> {
    let now = || pods.iter().map(|pod| has_heard(pod)).collect();
    let mut heard: Vec<u64> = now();
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let again = now();
        if again == heard {
            return heard;
        }
        heard = again;
    }
}

/// Reads a key that carries the tag `red`, in a task of its own, with a factory that stands at a gate
/// once it has read the source.
pub fn read_behind(
    cache: &HybridCache,
    key: &str,
    source: &Source,
    gate: &Gate,
    options: EntryOptions,
) -> JoinHandle<Reading> {
    let (cache, key, factory) = (cache.clone(), key.to_owned(), source.load_behind(gate));
    tokio::spawn(async move {
        let load = cache.get_or_set(key.as_str(), factory);
        let load = load.tags(|| ["red"]).options(options);
        let read = load.detailed().await.unwrap();
        (*read.value, read.outcome)
    })
}

/// Reads a key that carries the tag `red`.
pub async fn read_with(
    cache: &HybridCache,
    key: &str,
    source: &Source,
    options: EntryOptions,
) -> Reading {
    let reading = read_behind(cache, key, source, &Gate::opened(), options);
    reading.await.unwrap()
}

/// Reads a key where the source is away: the fallback, if there is one.
pub async fn read_broken(cache: &HybridCache, key: &str) -> Option<Reading> {
    let source = Source::default();
    source.break_down();
    let load = cache.get_or_set(key, source.load()).tags(|| ["red"]);
    let read = load.detailed().await.ok()?;
    Some((*read.value, read.outcome))
}

/// Every pod has the number that the source holds, fresh.
pub async fn fill(pods: &[&Pod], key: &str, source: &Source) {
    for pod in pods {
        let (value, outcome) = read_with(pod, key, source, EntryOptions::new()).await;
        assert_eq!((value, outcome.is_stale()), (source.value(), false));
    }
}

/// Every pod gives what the source holds, and what is older at most labelled stale, where the machine is
/// slow.
pub async fn agree(pods: &[&Pod], key: &str, source: &Source, case: &str) {
    for pod in pods {
        until(case, async || {
            let (value, outcome) = read_with(pod, key, source, EntryOptions::new()).await;
            let is_newest = value == source.value();
            assert!(
                is_newest || outcome.is_stale(),
                "{case}: {value} {outcome:?}"
            );
            is_newest && !outcome.is_stale()
        })
        .await;
    }
}
