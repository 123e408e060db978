//! What a factory of many keys is told, and what it may change.

use std::collections::HashMap;
use std::fmt;

use crate::error::BoxError;
use crate::flow::{FactoryContext, Missing};
use crate::key::{BuildPrehashed, Key, KeyHasher, StoredKey};
use crate::scope::ScopeId;

/// Given to a factory of many keys: what there is to know of each, and what may be changed.
///
/// ```
/// # use caching_core::HybridCache;
/// # use std::collections::HashMap;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cache = HybridCache::builder().build()?;
/// let rates = cache
///     .get_or_set_many(&["euro", "dollar"], |mut cx, missing| async move {
///         if let Some(cx) = cx.of("dollar") {
///             cx.add_tag("volatile");
///         }
///         for cx in cx.all() {
///             cx.add_tag("rates");
///         }
///         let rates: HashMap<_, _> = missing.into_iter().map(|name| (name, 1.25)).collect();
///         Ok::<_, std::io::Error>(rates)
///     })
///     .await?;
/// # assert_eq!(rates.iter().flatten().count(), 2);
/// # Ok(())
/// # }
/// ```
pub struct ManyContext {
    scope: ScopeId,
    hasher: KeyHasher,
    contexts: HashMap<StoredKey, FactoryContext, BuildPrehashed>,
}

impl ManyContext {
    pub(super) fn new(hasher: KeyHasher, missing: Vec<Missing>) -> Self {
        Self {
            scope: missing
                .first()
                .map_or(ScopeId::SHARED, |one| one.key.scope()),
            hasher,
            contexts: missing.into_iter().map(|one| (one.key, one.cx)).collect(),
        }
    }

    /// What is known of a key, and may be changed about its entry; `None` if it is not one of the missing.
    pub fn of<K: Key + ?Sized>(&mut self, key: &K) -> Option<&mut FactoryContext> {
        let key = stored(&self.hasher, self.scope, key);
        self.contexts.get_mut(&key)
    }

    /// The same of each key, in no order.
    pub fn all(&mut self) -> impl Iterator<Item = &mut FactoryContext> {
        self.contexts.values_mut()
    }

    /// The scope that was captured when the caller asked.
    #[must_use]
    pub const fn scope(&self) -> ScopeId {
        self.scope
    }

    /// Whether this load was given up for each of its keys: nobody waits for it any more, or it is past
    /// its limit. See [`FactoryContext::cancelled`].
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.contexts.values().all(FactoryContext::is_cancelled)
    }

    /// Ends when this load was given up for each of its keys.
    pub async fn cancelled(&self) {
        for cx in self.contexts.values() {
            cx.cancelled().await;
        }
    }

    /// An error that says why there are no values; with fail-safe, callers get the stale ones.
    #[must_use]
    pub fn fail(&self, reason: impl Into<String>) -> BoxError {
        reason.into().into()
    }
}

impl fmt::Debug for ManyContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManyContext")
            .field("scope", &self.scope)
            .field("keys", &self.contexts.len())
            .finish_non_exhaustive()
    }
}

/// A key as it is kept in a scope.
pub(super) fn stored<K: Key + ?Sized>(hasher: &KeyHasher, scope: ScopeId, key: &K) -> StoredKey {
    key.with_text(|text| hasher.key(scope, key.kind(), text).to_stored())
}
