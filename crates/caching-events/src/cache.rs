//! What a bus needs of a cache: two verbs, in a given scope.

use caching_core::{Batch, BoxFuture, CacheError, HybridCache, Invalidated, Scope};

/// What a bus needs of a cache; a double of it fails on purpose in tests.
pub(crate) trait InvalidationTarget: Send + Sync {
    /// Does a batch in a scope.
    fn invalidate(
        &self,
        scope: Scope,
        batch: Batch,
    ) -> BoxFuture<'static, Result<Invalidated, CacheError>>;

    /// Removes everything in a scope.
    fn clear(&self, scope: Scope) -> BoxFuture<'static, Result<Invalidated, CacheError>>;
}

impl InvalidationTarget for HybridCache {
    fn invalidate(
        &self,
        scope: Scope,
        batch: Batch,
    ) -> BoxFuture<'static, Result<Invalidated, CacheError>> {
        Box::pin(self.in_scope(scope).invalidate(batch))
    }

    fn clear(&self, scope: Scope) -> BoxFuture<'static, Result<Invalidated, CacheError>> {
        Box::pin(self.in_scope(scope).clear())
    }
}
