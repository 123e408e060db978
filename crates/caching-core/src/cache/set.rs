//! `set`: putting a value under a key.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::cache::{Captured, HybridCache, Invalidated};
use crate::entry::Content;
use crate::error::CacheError;
use crate::key::KeyOf;
use crate::options::EntryOptions;
use crate::scope::Scope;
use crate::tag::{Tag, Tags};

/// A `set`, to be awaited.
#[must_use = "a write does nothing unless it is awaited"]
pub struct Set<'a, K: ?Sized, V> {
    cache: &'a HybridCache,
    key: &'a K,
    value: V,
    scope: Captured,
    options: EntryOptions,
    tags: Tags,
}

impl<'a, K, V> Set<'a, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    pub(crate) fn new(cache: &'a HybridCache, key: &'a K, value: V) -> Self {
        let mut tags = Tags::new();
        key.tags(&mut tags);
        Self {
            scope: cache.capture(key),
            cache,
            key,
            value,
            options: EntryOptions::default(),
            tags,
        }
    }

    /// Writes in this scope.
    pub fn in_scope(mut self, scope: Scope) -> Self {
        self.scope = self.cache.in_scope(scope).capture(self.key);
        self
    }

    /// Sets options of this entry; they win over the profile of the key's kind.
    pub fn options(mut self, options: EntryOptions) -> Self {
        self.options = options.or(&self.options);
        self
    }

    /// Sets how long the value is fresh.
    pub fn duration(self, duration: Duration) -> Self {
        self.options(EntryOptions::new().duration(duration))
    }

    /// Adds tags to those of the key's type.
    pub fn tags<T: Into<Tag>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags);
        self
    }

    fn put(self) -> Result<Invalidated, CacheError> {
        self.tags.check()?;
        let engine = &self.cache.engine;
        let key = self
            .cache
            .with_key(self.key, &self.scope, |key| engine.admit_key(key))??;
        let profile = engine.profiles.resolve(key.kind(), Some(&self.options));
        let at = engine.set(
            &key,
            &profile,
            Content::Value(Arc::new(self.value)),
            self.key.value_type(),
            self.tags.into_kept(),
        );
        Ok(Invalidated::applied(at))
    }
}

impl<'a, K, V> IntoFuture for Set<'a, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Invalidated, CacheError>;
    type IntoFuture = SetFuture<'a, K, V>;

    fn into_future(self) -> Self::IntoFuture {
        SetFuture(Some(self))
    }
}

/// A `set` under way.
#[must_use = "a write does nothing unless it is awaited"]
pub struct SetFuture<'a, K: ?Sized, V>(Option<Set<'a, K, V>>);

// Nothing in it is ever pinned.
impl<K: ?Sized, V> Unpin for SetFuture<'_, K, V> {}

impl<K, V> Future for SetFuture<'_, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Invalidated, CacheError>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        self.0
            .take()
            .map_or(Poll::Pending, |set| Poll::Ready(set.put()))
    }
}
