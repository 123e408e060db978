//! What a cache did, does, and knows: counters, events, and `explain`.

use crate::cache::HybridCache;
use crate::error::CacheError;
use crate::flow::Request;
use crate::key::KeyOf;
use crate::observe::{Durations, Events, Explanation, Measured, SharedStatus, Stats};
use crate::tag::Tags;

impl HybridCache {
    /// What the cache did so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.engine.stats()
    }

    /// How long factories took, whatever came of them.
    #[must_use]
    pub fn factory_durations(&self) -> Durations {
        self.engine.factory_times.snapshot()
    }

    /// How long invalidations of this process took to be heard; empty where no store is shared.
    #[must_use]
    pub fn propagation(&self) -> Durations {
        self.engine
            .shared
            .as_ref()
            .map(|shared| shared.propagation.took().snapshot())
            .unwrap_or_default()
    }

    /// How the cache stands with the store that it shares; `None` where it shares none.
    #[must_use]
    pub fn shared_status(&self) -> Option<SharedStatus> {
        self.engine.shared_status()
    }

    /// What happens in the cache from now on, event by event.
    ///
    /// While nobody watches, it costs a hit one load. While somebody does, every hit makes an event.
    ///
    /// ```
    /// # use caching_core::{CacheEvent, HybridCache};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = HybridCache::builder().build()?;
    /// let mut events = cache.events();
    /// cache.remove("rate").await?.accept_queued();
    /// let Some(CacheEvent::Removed { key }) = events.recv().await else {
    ///     panic!("nothing was removed");
    /// };
    /// assert_eq!(key.text(), "rate");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn events(&self) -> Events {
        self.engine.events.subscribe()
    }

    /// What the cache knows of a key, and what a read would come to now: for a debugger, an endpoint of an
    /// operator, a failing test. Values are not shown.
    ///
    /// It changes nothing: it counts nowhere, is no use of the entry, and begins no load. With a shared
    /// store it asks that, for as long as a read may at most.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// cache.set("rate", 1.25).await?.accept_queued();
    /// cache.expire("rate").await?.accept_queued();
    /// let why = cache.explain::<_, f64>("rate").await?;
    /// println!("{why}");
    /// // cache:shared:plain:rate
    /// //   here:       stale: f64, fresh for 0ns, kept for 7199.9s
    /// //   store:      none is shared
    /// //   get:        nothing, or the value if stale ones are allowed
    /// //   get_or_set: what its factory brings, or the stale value if that fails or is slow
    /// # assert_eq!(why.get_or_set, "what its factory brings, or the stale value if that fails or is slow");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of a read with this key: no scope, a key that is too long, a cache that was stopped.
    pub async fn explain<K, V>(&self, key: &K) -> Result<Explanation, CacheError>
    where
        K: KeyOf<V> + ?Sized,
        V: Send + Sync + 'static,
    {
        let engine = &self.engine;
        let scope = self.capture(key);
        let stored = self.with_key(key, &scope, |key| engine.admit_key(key))??;
        let request = Request {
            profile: engine.profiles.resolve(stored.kind(), None),
            key: stored,
            value_type: key.value_type(),
            tags: Tags::new(),
            takes_absent: true,
            default: None,
            is_refresh: false,
        };
        Ok(engine.explain(&request).await)
    }
}
