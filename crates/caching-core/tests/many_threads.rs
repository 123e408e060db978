//! Nobody is given what was invalidated before they asked, on real threads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use caching_core::{Batch, CacheConfig, HybridCache, KeyKind};
use support::broken;

/// Half of them are invalidated by one task, half by another; half of each carry tags that the
/// caller gives, half carry tags that only the factory knows.
const KEYS: usize = 8;
const READERS: usize = 8;
/// How long one way to invalidate is tried under one configuration.
const ROUND: Duration = Duration::from_millis(100);

const INVALIDATIONS: [&str; 10] = [
    "remove",
    "expire",
    "remove tag",
    "expire tag",
    "remove kind",
    "clear",
    "expire all",
    "clear all scopes",
    "batch",
    "set",
];

const CONFIGURATIONS: [&str; 4] = [
    "",
    "defaults.fail_safe = false",
    "defaults.duration = '2ms'
     defaults.eager_refresh = 0.2
     defaults.throttle = '1ms'
     defaults.factory_soft_limit = '1ms'",
    "defaults.fail_safe = false
     l1.max_entries = 3",
];

/// What the cache reads, and what it is held to.
#[derive(Default)]
struct World {
    /// The version of each key at its source.
    truth: [AtomicU64; KEYS],
    /// The version whose invalidation has returned: no later read may be older.
    floor: [AtomicU64; KEYS],
    reads: AtomicU64,
    /// Reads older than the floor that did not say that they are stale.
    violations: AtomicU64,
}

fn name(key: usize) -> String {
    format!("key {key}")
}

fn tag(key: usize) -> String {
    format!("tag {key}")
}

fn only_the_factory_knows_the_tag(key: usize) -> bool {
    key / 2 % 2 == 1
}

/// Gives other tasks up to `times` chances to get in between.
async fn dawdle(times: usize) {
    for _ in 0..fastrand::usize(..times) {
        tokio::task::yield_now().await;
    }
}

async fn invalidate(cache: &HybridCache, how: &str, key: usize, version: u64) {
    match how {
        "remove" => cache.remove(&name(key)).await,
        "expire" => cache.expire(&name(key)).await,
        "remove tag" => cache.remove_by_tag(tag(key)).await,
        "expire tag" => cache.expire_by_tag(tag(key)).await,
        "remove kind" => cache.remove_kind(KeyKind::PLAIN).await,
        "clear" => cache.clear().await,
        "expire all" => cache.expire_all().await,
        "clear all scopes" => cache.clear_all_scopes().await,
        "batch" => {
            let batch = Batch::new().remove("another").remove(&name(key));
            cache.invalidate(batch).await
        }
        _ => cache.set(&name(key), version).await,
    }
    .unwrap()
    .accept_queued();
}

/// Changes the keys of one half at their source, and invalidates them.
async fn write(cache: HybridCache, world: Arc<World>, how: &str, half: usize, end: Instant) {
    while Instant::now() < end {
        // One writer a key: its versions are invalidated in their order.
        let key = fastrand::usize(..KEYS / 2) * 2 + half;
        let version = world.truth[key].fetch_add(1, SeqCst) + 1;
        invalidate(&cache, how, key, version).await;
        world.floor[key].store(version, SeqCst);
        dawdle(20).await;
    }
}

/// Reads the version at the source, slowly and not always with success.
async fn source(world: Arc<World>, key: usize) -> Result<u64, io::Error> {
    let version = world.truth[key].load(SeqCst);
    dawdle(8).await;
    if fastrand::u8(..10) == 0 {
        return Err(broken());
    }
    Ok(version)
}

async fn read(cache: HybridCache, world: Arc<World>, end: Instant) {
    while Instant::now() < end {
        let key = fastrand::usize(..KEYS);
        let floor = world.floor[key].load(SeqCst);
        let (name, origin) = (name(key), Arc::clone(&world));
        let load = cache.get_or_set(&name, move |mut cx| async move {
            if only_the_factory_knows_the_tag(key) {
                cx.add_tag(tag(key));
            }
            source(origin, key).await
        });
        let read = if only_the_factory_knows_the_tag(key) {
            load.detailed().await
        } else {
            load.tags(move || [tag(key)]).detailed().await
        };
        world.reads.fetch_add(1, SeqCst);
        if let Ok(read) = read
            && *read.value < floor
            && !read.outcome.is_stale()
        {
            world.violations.fetch_add(1, SeqCst);
        }
    }
}

/// Reads and violations of a round.
async fn round(config: &str, how: &'static str) -> (u64, u64) {
    let config: CacheConfig = toml::from_str(config).unwrap();
    let cache = HybridCache::builder().config(config).build().unwrap();
    let (world, end) = (Arc::<World>::default(), Instant::now() + ROUND);
    let mut tasks = tokio::task::JoinSet::new();
    for half in 0..2 {
        tasks.spawn(write(cache.clone(), Arc::clone(&world), how, half, end));
    }
    for _ in 0..READERS {
        tasks.spawn(read(cache.clone(), Arc::clone(&world), end));
    }
    tasks.join_all().await;
    (world.reads.load(SeqCst), world.violations.load(SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn nobody_is_given_what_was_invalidated_before_they_asked() {
    let (mut reads, mut violations) = (0, Vec::new());
    for config in CONFIGURATIONS {
        for how in INVALIDATIONS {
            let (read, old) = round(config, how).await;
            reads += read;
            if old > 0 {
                violations.push(format!("{how} under `{config}`: {old} of {read} reads"));
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(reads > 10_000, "only {reads} reads, which prove little");
}
