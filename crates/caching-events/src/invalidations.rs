//! What one event makes the cache forget, collected by an `#[invalidates]`.

use std::mem;

use caching_core::{Batch, Key, KeyKind, Tag};

/// What one event makes the cache forget: keys and tags, in the scope of the event.
///
/// [`#[invalidates]`](macro@crate::invalidates) fills one; all of it becomes one call of the cache.
#[derive(Debug, Default)]
pub struct Invalidations {
    batch: Batch,
    /// What to clear where the batch cannot be applied: kinds, with whether their keys are shared.
    kinds: Vec<(KeyKind, bool)>,
    tags: Vec<Tag>,
    expire: bool,
}

impl Invalidations {
    /// Adds a key.
    pub fn key<K: Key>(&mut self, key: K) {
        let kind = (key.kind(), key.is_shared());
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        let batch = mem::take(&mut self.batch);
        self.batch = if self.expire {
            batch.expire(&key)
        } else {
            batch.remove(&key)
        };
    }

    /// Adds each of these keys.
    pub fn keys<K: Key>(&mut self, keys: impl IntoIterator<Item = K>) {
        for key in keys {
            self.key(key);
        }
    }

    /// Adds a tag.
    pub fn tag(&mut self, tag: impl Into<Tag>) {
        let tag = tag.into();
        let batch = mem::take(&mut self.batch);
        self.batch = if self.expire {
            batch.expire_tag(tag.clone())
        } else {
            batch.remove_tag(tag.clone())
        };
        self.tags.push(tag);
    }

    /// Adds each of these tags.
    pub fn tags<T: Into<Tag>>(&mut self, tags: impl IntoIterator<Item = T>) {
        for tag in tags {
            self.tag(tag);
        }
    }

    /// What is added from here on expires (stale, kept as a fallback) instead of being removed.
    pub fn expire_instead_of_remove(&mut self) {
        self.expire = true;
    }

    /// Whether there is nothing to forget.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// All of it, for one call of the cache.
    pub(crate) fn take_batch(&mut self) -> Batch {
        mem::take(&mut self.batch)
    }

    /// The kinds of its keys, and whether those keys are shared.
    pub(crate) fn kinds(&self) -> &[(KeyKind, bool)] {
        &self.kinds
    }

    /// Its tags.
    pub(crate) fn listed_tags(&self) -> &[Tag] {
        &self.tags
    }
}
