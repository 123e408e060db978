//! `set_many`: putting many values.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::time::Duration;

use super::{check_count, scope_of};
use crate::cache::captured::Captured;
use crate::cache::set::Set;
use crate::cache::{HybridCache, Invalidated};
use crate::error::CacheError;
use crate::flow::Put;
use crate::key::{BuildPrehashed, KeyOf, StoredKey};
use crate::options::EntryOptions;
use crate::scope::{BoxFuture, Scope};
use crate::tag::{Tag, Tags};

/// A `set_many`, to be awaited.
#[must_use = "a write does nothing unless it is awaited"]
pub struct SetMany<'a, K, V> {
    cache: &'a HybridCache,
    pairs: Vec<(K, V)>,
    scope: Captured,
    options: EntryOptions,
    tags: Tags,
}

impl<'a, K, V> SetMany<'a, K, V>
where
    K: KeyOf<V>,
    V: Send + Sync + 'static,
{
    pub(super) fn new(cache: &'a HybridCache, pairs: Vec<(K, V)>) -> Self {
        Self {
            scope: cache.capture_for_many(pairs.iter().map(|(key, _)| key)),
            cache,
            pairs,
            options: EntryOptions::default(),
            tags: Tags::new(),
        }
    }

    /// Writes in this scope.
    pub fn in_scope(mut self, scope: Scope) -> Self {
        let keys = self.pairs.iter().map(|(key, _)| key);
        self.scope = self.cache.in_scope(scope).capture_for_many(keys);
        self
    }

    /// Sets options of these entries; they win over the profile of the keys' kind.
    pub fn options(mut self, options: EntryOptions) -> Self {
        self.options = options.or(&self.options);
        self
    }

    /// Sets how long the values are fresh.
    pub fn duration(self, duration: Duration) -> Self {
        self.options(EntryOptions::new().duration(duration))
    }

    /// Adds tags to those of the keys' type, to each entry.
    pub fn tags<T: Into<Tag>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags);
        self
    }

    /// What is to be put: of each key once, the last value.
    fn into_puts(self) -> Result<Vec<Put>, CacheError> {
        check_count(self.pairs.len())?;
        self.cache.engine.check_running()?;
        let mut places: HashMap<StoredKey, usize, BuildPrehashed> = HashMap::default();
        let mut puts: Vec<Put> = Vec::with_capacity(self.pairs.len());
        for (key, value) in self.pairs {
            let scope = scope_of(&key, &self.scope);
            let put = Set::within(self.cache, &key, value, scope)
                .options(self.options.clone())
                .tags(self.tags.iter().cloned())
                .into_put()?;
            let place = *places.entry(put.key.clone()).or_insert(puts.len());
            match puts.get_mut(place) {
                Some(before) => *before = put,
                None => puts.push(put),
            }
        }
        Ok(puts)
    }
}

impl<'a, K, V> IntoFuture for SetMany<'a, K, V>
where
    K: KeyOf<V> + Send + 'a,
    V: Send + Sync + 'static,
{
    type Output = Result<Invalidated, CacheError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let engine = &self.cache.engine;
        Box::pin(async move {
            // Held to the end: `stop` waits for what has begun before it.
            let running = engine.begin()?;
            let done = engine.put_many(self.into_puts()?).await;
            drop(running);
            Ok(done)
        })
    }
}
