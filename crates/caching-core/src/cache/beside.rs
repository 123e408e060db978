//! A cache beside another one: what the two have in common, and what they never share.

use std::sync::Arc;

use crate::cache::{HybridCache, HybridCacheBuilder, Plaintext};
use crate::codec::{Codec, PayloadTransform};
use crate::coherence::Backplane;
use crate::error::BoxError;
use crate::level::L2;

/// Makes a store and a backplane for one more cache.
pub(crate) type MakeLevels =
    Arc<dyn Fn() -> Result<(Arc<dyn L2>, Arc<dyn Backplane>), BoxError> + Send + Sync>;

/// What a cache hands on to those beside it, apart from clock and scope.
pub(crate) struct Legacy {
    pub(crate) codec: Option<Arc<dyn Codec>>,
    pub(crate) transform: Option<Arc<dyn PayloadTransform>>,
    pub(crate) plaintext: Plaintext,
    pub(crate) levels: Option<MakeLevels>,
    /// The names of those that modules will put beside it.
    #[cfg_attr(
        not(feature = "host"),
        expect(dead_code, reason = "only modules ask for them")
    )]
    pub(crate) names: Vec<&'static str>,
}

impl HybridCache {
    /// Begins a cache beside this one, for values that are not to compete with its values for room, or that
    /// are kept by other rules.
    ///
    /// It has the scopes, the clock, the codec and the encryption of this cache, and a shared store of its
    /// own where this cache was told [how to come to one](HybridCacheBuilder::levels_beside). It has entries,
    /// settings, counters and a key prefix of its own (`PREFIX.NAME`, unless its settings say another), so
    /// that no invalidation of one touches the other, and it is started and stopped by itself.
    ///
    /// ```
    /// use caching_core::HybridCache;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    /// let cache = HybridCache::builder().build()?;
    /// let reports = cache.beside("reports")?.build()?;
    /// cache.set("a", 1_u32).await?.accept_queued();
    /// reports.set("a", 2_u32).await?.accept_queued();
    /// cache.clear().await?.accept_queued();
    /// assert_eq!(reports.get::<_, u32>("a").await?.as_deref(), Some(&2));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of making its shared store.
    pub fn beside(&self, name: &str) -> Result<HybridCacheBuilder, BoxError> {
        let engine = &self.engine;
        let builder = HybridCache::builder().of_legacy(
            Arc::clone(&engine.scope),
            Arc::clone(&engine.clock),
            &engine.legacy,
        );
        let builder = builder.default_key_prefix(format!("{}.{name}", engine.key_prefix));
        match &engine.legacy.levels {
            Some(make) => {
                let (l2, backplane) = make()?;
                Ok(builder.levels(l2, backplane))
            }
            None => Ok(builder),
        }
    }

    /// The names of the caches that modules put beside this one.
    #[cfg(feature = "host")]
    pub(crate) fn names_beside(&self) -> &[&'static str] {
        &self.engine.legacy.names
    }

    /// What stands before every key of this cache that leaves the process.
    #[must_use]
    pub fn key_prefix(&self) -> &str {
        &self.engine.key_prefix
    }
}
