//! After a sleep of the machine: the clocks that leases and lives are measured by stood still.

use crate::flow::Engine;
use crate::flow::shared::Shared;

impl Engine {
    /// Finds out whether the machine slept, and trusts nothing of before if it did.
    pub(crate) fn notice_sleep(&self, shared: &Shared) {
        if let Some(slept) = shared.driver.slept() {
            tracing::warn!(?slept, "the machine slept; nothing of before is trusted");
            self.awake(shared);
        }
    }

    /// Trusts nothing of before: neither the lease, nor what this process could give without one, nor
    /// what is being loaded, nor that what is heard of now is from now.
    fn awake(&self, shared: &Shared) {
        // Before the rest, as with a break: what is loaded after it finds this.
        self.news.doubt(self.clock.now());
        self.distrust(shared);
        self.purges.doubt();
        self.flights.detach_all();
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use crate::cache::Plaintext;
    use crate::{CacheConfig, HybridCache, MemoryStore, TokioClock};

    const SECOND: Duration = Duration::from_secs(1);

    /// A cache on a store of its own, which has polled.
    async fn cache(toml: &str) -> HybridCache {
        let store = MemoryStore::with_clock(TokioClock::new());
        let config: CacheConfig = toml::from_str(toml).unwrap();
        let builder = HybridCache::builder().config(config).l2(store.l2());
        let builder = builder.default_key_prefix("test").clock(TokioClock::new());
        let cache = builder.plaintext(Plaintext::Allowed).build().unwrap();
        assert!(cache.start(SECOND).await);
        cache
    }

    fn sleep(cache: &HybridCache) {
        cache.engine.awake(cache.engine.shared.as_ref().unwrap());
    }

    /// What a read finds that asks nobody.
    fn kept(cache: &HybridCache) -> Option<u64> {
        let found = cache.get::<_, u64>("key").into_future().now_or_never();
        found.and_then(|found| found.unwrap().map(|value| *value))
    }

    async fn load(cache: &HybridCache, value: u64) -> u64 {
        let load = cache.get_or_set("key", move |_| async move { Ok::<_, io::Error>(value) });
        *load.await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_sleep_nothing_is_given_that_was_loaded_before_it() {
        let cache = cache("").await;
        load(&cache, 1).await;
        cache.engine.fences.doubt();
        assert_eq!(kept(&cache), Some(1), "on the process' own authority");
        sleep(&cache);
        assert_eq!(kept(&cache), None);
        assert_eq!(load(&cache, 2).await, 1, "of the store, after a poll");
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_from_before_a_sleep_is_joined_by_nobody_and_stored_nowhere() {
        let cache = cache("").await;
        let (land, landing) = oneshot::channel::<()>();
        let other = cache.clone();
        let before = tokio::spawn(async move {
            let load = other.get_or_set("key", |_| async {
                let _ = landing.await;
                Ok::<u64, io::Error>(1)
            });
            *load.await.unwrap()
        });
        tokio::time::sleep(SECOND / 10).await;
        sleep(&cache);
        assert_eq!(load(&cache, 2).await, 2);
        land.send(()).unwrap();
        assert_eq!(before.await.unwrap(), 1, "its own caller");
        assert_eq!(load(&cache, 3).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_heard_of_after_a_sleep_may_be_from_long_before_it() {
        let cache = cache("defaults.source_lag = '10s'").await;
        // What was invalidated in the first moments is not known here either.
        tokio::time::sleep(20 * SECOND).await;
        sleep(&cache);
        let begun = cache.engine.clock.now();
        load(&cache, 1).await;
        tokio::time::sleep(SECOND * 9 / 10).await;
        assert_eq!(load(&cache, 2).await, 1);
        tokio::time::sleep(SECOND / 5).await;
        assert_eq!(load(&cache, 3).await, 3, "kept for the bound");
        assert!(cache.engine.clock.now().since(begun) < 2 * SECOND);
    }
}
