//! Which factories led to a call: a factory that asks for its own key would wait for itself.

use std::collections::HashSet;
use std::sync::Arc;

use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::engine::named;
use crate::key::{BuildPrehashed, StoredKey};

tokio::task_local! {
    static LOADING: Loading;
}

/// A key that is being loaded, and the one whose factory asked for it.
#[derive(Clone)]
pub(crate) struct Loading {
    /// Tells caches apart; it is only compared.
    cache: usize,
    key: StoredKey,
    /// All keys of the factory, where it is one of many.
    with: Option<Arc<Keys>>,
    outer: Option<Arc<Loading>>,
}

type Keys = HashSet<StoredKey, BuildPrehashed>;

impl Loading {
    /// The load of a key, in whatever factory its caller is.
    pub(crate) fn begin(engine: &Arc<Engine>, key: &StoredKey) -> Result<Self, CacheError> {
        let loading = Self {
            cache: Arc::as_ptr(engine).addr(),
            key: key.clone(),
            with: None,
            outer: LOADING.try_with(Clone::clone).ok().map(Arc::new),
        };
        if loading.waits_for_itself() {
            return Err(CacheError::Reentrant {
                key: named(key.kind(), key.as_ref().text),
            });
        }
        Ok(loading)
    }

    /// Runs a factory as that of this load.
    pub(crate) async fn enter<F: Future>(self, factory: F) -> F::Output {
        LOADING.scope(self, factory).await
    }

    /// The load of these keys, one of which this is, by one factory.
    pub(crate) fn of_many(self, keys: Keys) -> Self {
        Self {
            with: Some(Arc::new(keys)),
            ..self
        }
    }

    /// Whether a factory of the same cache waits for this one.
    pub(crate) fn is_nested(&self) -> bool {
        let mut outer = self.outer.as_deref();
        while let Some(loading) = outer {
            if loading.cache == self.cache {
                return true;
            }
            outer = loading.outer.as_deref();
        }
        false
    }

    fn waits_for_itself(&self) -> bool {
        let mut outer = self.outer.as_deref();
        while let Some(loading) = outer {
            if loading.cache == self.cache && loading.is_of(&self.key) {
                return true;
            }
            outer = loading.outer.as_deref();
        }
        false
    }

    fn is_of(&self, key: &StoredKey) -> bool {
        match &self.with {
            Some(keys) => keys.contains(key),
            None => self.key == *key,
        }
    }
}
