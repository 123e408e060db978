//! Two pods on one shared store: what one writes, the other gives.
//!
//! It runs on a store within the process. With `REDIS_URL=redis://127.0.0.1` it runs on that server.

#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use caching_core::{BoxError, CacheKey, HybridCache, MemoryStore, Outcome, Plaintext};
use caching_redis::{RedisConfig, RedisLink};

#[derive(CacheKey)]
#[cache_key(kind = "rate", value = u64, template = "{currency}")]
struct Rate {
    currency: &'static str,
}

const EUR: Rate = Rate { currency: "EUR" };

/// The database, say: one number that both pods read and write.
type Database = Arc<AtomicU64>;

/// A pod. In earnest each is a process, and all of them are built alike.
fn pod(store: &MemoryStore) -> Result<HybridCache, BoxError> {
    let builder = HybridCache::builder()
        .default_key_prefix("two-pods")
        .plaintext(Plaintext::Allowed); // in earnest: `caching-encryption`
    let builder = match std::env::var("REDIS_URL") {
        Ok(url) => {
            let link = RedisLink::from_config(&RedisConfig::new(url))?;
            builder.l2(link.l2()).backplane(link.backplane())
        }
        Err(_) => builder.l2(store.l2()).backplane(store.backplane()),
    };
    Ok(builder.build()?)
}

/// Reads the rate, from a query that takes so long.
async fn read(
    pod: &HybridCache,
    database: &Database,
    takes: Duration,
) -> Result<(u64, Outcome), BoxError> {
    let database = Arc::clone(database);
    let read = pod.get_or_set(&EUR, move |_| async move {
        let rate = database.load(Ordering::SeqCst);
        tokio::time::sleep(takes).await;
        Ok::<_, std::io::Error>(rate)
    });
    let read = read.detailed().await?;
    Ok((*read.value, read.outcome))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let store = MemoryStore::new();
    let (one, two) = (pod(&store)?, pod(&store)?);
    for pod in [&one, &two] {
        if !pod.start(Duration::from_secs(5)).await {
            return Err("the shared store does not answer; is `REDIS_URL` right?".into());
        }
    }
    let database = Database::new(AtomicU64::new(100));
    let (quick, slow) = (Duration::from_millis(1), Duration::from_millis(200));
    one.remove(&EUR).await?.accept_queued(); // whatever an earlier run has left

    println!("one: {:?}", read(&one, &database, quick).await?); // a miss: loaded
    println!("two: {:?}", read(&two, &database, quick).await?); // a hit: found in L2
    println!("two: {:?}", read(&two, &database, quick).await?); // a hit: kept in L1

    // Pod one writes: commit first, then invalidate.
    database.store(101, Ordering::SeqCst);
    let begun = Instant::now();
    let removed = one.remove(&EUR).await?;
    let applied = begun.elapsed();
    while two.peek(&EUR)?.is_some() {
        tokio::task::yield_now().await;
    }
    let heard = begun.elapsed();
    println!(
        "removed on one: applied {} after {applied:?}, heard by two after {heard:?}",
        removed.is_applied()
    );

    // Pod two reads slowly, and pod one writes meanwhile: the old value goes to its own caller only.
    let overtaken = {
        let (two, database) = (two.clone(), Arc::clone(&database));
        tokio::spawn(async move { read(&two, &database, slow).await })
    };
    tokio::time::sleep(slow / 2).await;
    database.store(102, Ordering::SeqCst);
    one.remove(&EUR).await?.accept_queued();
    println!("two, overtaken: {:?}", overtaken.await??);
    println!("two: {:?}", read(&two, &database, quick).await?);
    println!("one: {:?}", read(&one, &database, quick).await?);
    println!(
        "two refused {} store, and has {:?}",
        two.stats().refused_stores,
        two.shared_status()
    );

    let limit = Duration::from_secs(1);
    one.stop(limit).await;
    two.stop(limit).await;
    Ok(())
}
