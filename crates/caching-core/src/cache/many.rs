//! The verbs for many keys at once: read, load, put, remove.

mod context;
mod factory;
mod get;
mod get_or_set;
mod left;
mod set;

use std::future::Future;

pub use self::context::ManyContext;
pub use self::get::{GetMany, GetManyDetailed};
pub use self::get_or_set::{GetOrSetMany, GetOrSetManyDetailed, GetOrSetManyEach};
pub use self::set::SetMany;

use crate::cache::captured::Captured;
use crate::cache::{Batch, HybridCache, Invalidated};
use crate::error::{BoxError, CacheError};
use crate::key::{Key, KeyOf};
use crate::scope::ScopeId;

/// How many keys a call for many may name.
pub const MAX_KEYS: usize = 10_000;

impl HybridCache {
    /// Gives the values of many keys, in their order; `None` where nothing fresh is kept. It never runs a
    /// factory.
    ///
    /// What this process has is answered from there; the shared store, if there is one, is asked for all
    /// others at the same time.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// cache.set("b", 2_u32).await?.accept_queued();
    /// let found: Vec<Option<std::sync::Arc<u32>>> = cache.get_many(&["a", "b"]).await?;
    /// assert!(found[0].is_none());
    /// assert_eq!(found[1].as_deref(), Some(&2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get), for any of the keys; more than [`MAX_KEYS`].
    pub fn get_many<'a, K, V>(&'a self, keys: &'a [K]) -> GetMany<'a, K, V>
    where
        K: KeyOf<V>,
        V: Send + Sync + 'static,
    {
        GetMany::new(self, keys)
    }

    /// Gives the values of many keys, in their order. For those that are missing the factory runs once,
    /// and is given exactly them.
    ///
    /// The factory answers with pairs of a key and its value: a `HashMap`, or a `Vec`, in any order. A key
    /// that it leaves out has no value: that is kept, too, for the negative duration, and given as
    /// `None`. A key that it was not asked for is an error, since one that is spelt differently than it
    /// was asked for would otherwise count as having no value. Of two values of a key the last one counts.
    ///
    /// ```
    /// # use caching_core::{CacheKey, HybridCache};
    /// # #[derive(Clone, CacheKey)]
    /// # #[cache_key(kind = "invoice_total", value = u64, template = "{id}")]
    /// # struct TotalKey { id: u64 }
    /// # async fn totals(keys: &[TotalKey]) -> std::io::Result<Vec<(TotalKey, u64)>> {
    /// #     Ok(keys.iter().map(|key| (key.clone(), key.id * 10)).collect())
    /// # }
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// let keys: Vec<TotalKey> = (1..=3).map(|id| TotalKey { id }).collect();
    /// let found = cache
    ///     .get_or_set_many(&keys, |_, missing| async move { totals(&missing).await })
    ///     .await?;
    /// assert_eq!(found.iter().flatten().map(|total| **total).sum::<u64>(), 60);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # What holds for each key
    ///
    /// Each key is loaded as [`get_or_set`](Self::get_or_set) loads it: another caller of one of them joins
    /// its load, and a key that is being loaded already, here or by another process, is waited for and not
    /// loaded again. An invalidation of a key meanwhile concerns that key alone. Where the factory fails,
    /// keys with something stale are answered with that. It ends when nobody waits for any of its keys.
    ///
    /// The factory is an `Fn`, since it may be called once more: for keys that another caller or process
    /// was loading and did not bring, because it failed, say, or left. So clone into its future what it
    /// needs. What differs between keys is in its [`ManyContext`]: tags, options, stale values.
    ///
    /// # Errors
    ///
    /// Those of `get_or_set_optional`, if any key has no answer: the first one's, since a list with holes
    /// in it is seldom what is wanted. [`each`](GetOrSetMany::each) tells what became of each key. More
    /// than [`MAX_KEYS`].
    pub fn get_or_set_many<'a, K, V, F, Fut, I, E>(
        &'a self,
        keys: &'a [K],
        factory: F,
    ) -> GetOrSetMany<'a, K, V>
    where
        K: KeyOf<V> + Clone + Send + 'static,
        V: Send + Sync + 'static,
        F: Fn(ManyContext, Vec<K>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<I, E>> + Send + 'static,
        I: IntoIterator<Item = (K, V)>,
        E: Into<BoxError>,
    {
        GetOrSetMany::new(self, keys, factory)
    }

    /// Puts many values, each under its key and by the rules of [`set`](Self::set); of two values of a key
    /// the last one.
    ///
    /// `Applied` if all of them are, with the number of the last one. Whatever can be refused is found
    /// before anything is put; after that, a caller that leaves takes nothing back.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # use std::time::Duration;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// cache
    ///     .set_many([("euro", 1.0), ("dollar", 1.25)])
    ///     .duration(Duration::from_secs(10))
    ///     .await?
    ///     .accept_queued();
    /// # assert_eq!(cache.get::<_, f64>("dollar").await?.as_deref(), Some(&1.25));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `set`, for any of the keys; more than [`MAX_KEYS`].
    pub fn set_many<K, V>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> SetMany<'_, K, V>
    where
        K: KeyOf<V>,
        V: Send + Sync + 'static,
    {
        SetMany::new(self, pairs.into_iter().collect())
    }

    /// Removes the entries of many keys: they are gone, without a fallback.
    ///
    /// They go together: one message to the shared store for each 256 of them.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// cache.remove_many(&["invoice:7", "invoice:8"]).await?.accept_queued();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// No scope, a key that cannot be used, or a stopped cache; nothing is removed then.
    pub fn remove_many<K: Key>(
        &self,
        keys: &[K],
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<K> {
        self.invalidate(keys.iter().fold(Batch::new(), Batch::remove))
    }

    /// Expires the entries of many keys, together: they are stale from now on, and stay as fallbacks.
    ///
    /// # Errors
    ///
    /// No scope, a key that cannot be used, or a stopped cache; nothing is expired then.
    pub fn expire_many<K: Key>(
        &self,
        keys: &[K],
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<K> {
        self.invalidate(keys.iter().fold(Batch::new(), Batch::expire))
    }

    /// The scope in which a call with these keys acts, where they are not shared by their type.
    fn capture_for_many<'k, K: Key + 'k>(&self, keys: impl IntoIterator<Item = &'k K>) -> Captured {
        // No scope is needed where no key is in one.
        match keys.into_iter().all(Key::is_shared) {
            true => ScopeId::SHARED.into(),
            false => self.capture_scope(self.scope),
        }
    }
}

/// The scope of one of the keys of a call.
fn scope_of<K: Key>(key: &K, captured: &Captured) -> Captured {
    match key.is_shared() {
        true => ScopeId::SHARED.into(),
        false => captured.clone(),
    }
}

fn check_count(count: usize) -> Result<(), CacheError> {
    match count <= MAX_KEYS {
        true => Ok(()),
        false => Err(CacheError::TooManyKeys {
            count,
            limit: MAX_KEYS,
        }),
    }
}
