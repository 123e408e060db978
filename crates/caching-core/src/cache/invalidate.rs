//! `remove`, `expire`, and their kin: making entries go.

use std::future::Future;

use crate::cache::captured::Captured;
use crate::cache::{HybridCache, name_of};
use crate::coherence::{Asof, Group, Mode};
use crate::error::CacheError;
use crate::flow::Invalidation;
use crate::key::{Key, KeyKind, StoredKey};
use crate::scope::ScopeId;
use crate::tag::Tag;

/// What became of an invalidation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "`Queued` is not `Applied`: decide what a queued invalidation means here, \
              or say `.accept_queued()`"]
#[non_exhaustive]
pub enum Invalidated {
    /// It holds: here at once, in other processes within the bound on staleness.
    Applied(Token),
    /// The shared store cannot be reached. It holds here, and is sent again until it has been
    /// applied there. A cache without a shared store never answers this.
    Queued,
}

/// Names an invalidation that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(Asof);

impl Invalidated {
    pub(crate) const fn applied(at: Asof) -> Self {
        Self::Applied(Token(at))
    }

    /// Both together: the later number, or `Queued` where one of them is.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Applied(one), Self::Applied(two)) if one.0.is_after(two.0) => Self::Applied(one),
            (Self::Applied(_), Self::Applied(two)) => Self::Applied(two),
            (Self::Queued, _) | (_, Self::Queued) => Self::Queued,
        }
    }

    /// Says that a queued invalidation is good enough here.
    pub const fn accept_queued(self) {}

    /// Whether it holds everywhere, within the bound on staleness.
    #[must_use]
    pub const fn is_applied(self) -> bool {
        matches!(self, Self::Applied(_))
    }
}

/// Several invalidations that are done together.
///
/// ```
/// # use caching_core::{Batch, HybridCache, Tag};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cache = HybridCache::builder().build()?;
/// let batch = Batch::new()
///     .remove("invoice:7")
///     .remove_tag(Tag::of("customer", &17850));
/// cache.invalidate(batch).await?.accept_queued();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[must_use = "a batch does nothing until it is given to `HybridCache::invalidate`"]
pub struct Batch {
    keys: Vec<BatchKey>,
    groups: Vec<(BatchGroup, Mode)>,
}

#[derive(Debug)]
struct BatchKey {
    kind: KeyKind,
    text: Vec<u8>,
    name: String,
    is_shared: bool,
    mode: Mode,
}

#[derive(Debug)]
pub(super) enum BatchGroup {
    Tag(Tag),
    Kind(KeyKind),
    Scope,
    Everything,
}

impl Batch {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key that shall be gone, without a fallback.
    pub fn remove<K: Key + ?Sized>(self, key: &K) -> Self {
        self.key(key, Mode::Remove)
    }

    /// Adds a key that shall be stale from now on, and stay as a fallback.
    pub fn expire<K: Key + ?Sized>(self, key: &K) -> Self {
        self.key(key, Mode::Expire)
    }

    /// Adds a tag whose entries shall be gone.
    pub fn remove_tag(self, tag: impl Into<Tag>) -> Self {
        self.group(BatchGroup::Tag(tag.into()), Mode::Remove)
    }

    /// Adds a tag whose entries shall be stale from now on.
    pub fn expire_tag(self, tag: impl Into<Tag>) -> Self {
        self.group(BatchGroup::Tag(tag.into()), Mode::Expire)
    }

    /// Adds a kind whose keys shall be gone.
    pub fn remove_kind(self, kind: KeyKind) -> Self {
        self.group(BatchGroup::Kind(kind), Mode::Remove)
    }

    /// How many keys, tags and kinds there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len() + self.groups.len()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The kinds of the keys, each once: what a batch that failed may clear instead.
    #[must_use]
    pub fn kinds(&self) -> Vec<KeyKind> {
        let mut kinds = Vec::new();
        for key in &self.keys {
            if !kinds.contains(&key.kind) {
                kinds.push(key.kind);
            }
        }
        kinds
    }

    fn key<K: Key + ?Sized>(mut self, key: &K, mode: Mode) -> Self {
        self.keys.push(BatchKey {
            kind: key.kind(),
            text: key.with_text(<[u8]>::to_vec),
            name: name_of(key),
            is_shared: key.is_shared(),
            mode,
        });
        self
    }

    fn group(mut self, group: BatchGroup, mode: Mode) -> Self {
        self.groups.push((group, mode));
        self
    }
}

impl HybridCache {
    /// Removes the entry of a key: it is gone, without a fallback.
    ///
    /// Call it after the write that made the entry wrong has been committed.
    ///
    /// # Errors
    ///
    /// No scope, a key that cannot be used, or a stopped cache.
    #[doc(alias = "invalidate")]
    #[doc(alias = "delete")]
    pub fn remove<K: Key + ?Sized>(
        &self,
        key: &K,
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<K> {
        self.invalidate(Batch::new().remove(key))
    }

    /// Expires the entry of a key: it is stale from now on, and stays as a fallback.
    ///
    /// # Errors
    ///
    /// No scope, a key that cannot be used, or a stopped cache.
    pub fn expire<K: Key + ?Sized>(
        &self,
        key: &K,
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<K> {
        self.invalidate(Batch::new().expire(key))
    }

    /// Removes all entries of the current scope that carry a tag.
    ///
    /// # Errors
    ///
    /// No scope, a tag that cannot be used, or a stopped cache.
    pub fn remove_by_tag<T: Into<Tag>>(
        &self,
        tag: T,
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<T> {
        self.invalidate(Batch::new().remove_tag(tag.into()))
    }

    /// Expires all entries of the current scope that carry a tag.
    ///
    /// # Errors
    ///
    /// No scope, a tag that cannot be used, or a stopped cache.
    pub fn expire_by_tag<T: Into<Tag>>(
        &self,
        tag: T,
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<T> {
        self.invalidate(Batch::new().expire_tag(tag.into()))
    }

    /// Removes all entries of the current scope.
    ///
    /// # Errors
    ///
    /// No scope, or a stopped cache.
    pub fn clear(&self) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<> {
        self.invalidate(Batch::new().group(BatchGroup::Scope, Mode::Remove))
    }

    /// Expires all entries of the current scope: they stay as fallbacks.
    ///
    /// # Errors
    ///
    /// No scope, or a stopped cache.
    pub fn expire_all(
        &self,
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<> {
        self.invalidate(Batch::new().group(BatchGroup::Scope, Mode::Expire))
    }

    /// Removes all entries of all scopes.
    ///
    /// # Errors
    ///
    /// A stopped cache.
    pub fn clear_all_scopes(
        &self,
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<> {
        self.invalidate(Batch::new().group(BatchGroup::Everything, Mode::Remove))
    }

    /// Removes all keys of a kind in the current scope: what is left to do when it is not known
    /// which of them changed.
    ///
    /// # Errors
    ///
    /// No scope, or a stopped cache.
    pub fn remove_kind(
        &self,
        kind: KeyKind,
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<> {
        self.invalidate(Batch::new().remove_kind(kind))
    }

    /// Does several invalidations together: either all of them hold, or none was begun.
    ///
    /// # Errors
    ///
    /// No scope, a key or tag that cannot be used, or a stopped cache.
    pub fn invalidate(
        &self,
        batch: Batch,
    ) -> impl Future<Output = Result<Invalidated, CacheError>> + Send + use<> {
        // Here, not in the future: the scope is that of the caller who calls, not who polls.
        let scope = self.capture_scope(self.scope);
        let cache = self.clone();
        async move { cache.apply(batch, &scope).await }
    }

    async fn apply(&self, batch: Batch, scope: &Captured) -> Result<Invalidated, CacheError> {
        // Held to the end: `stop` waits for what has begun before it.
        let _running = self.engine.begin()?;
        // Everything that can be refused is found before anything is done.
        let keys = batch
            .keys
            .iter()
            .map(|key| Ok((self.stored(key, scope)?, key.mode)))
            .collect::<Result<Vec<_>, CacheError>>()?;
        let scopes = &*self.engine.scope;
        let groups = batch
            .groups
            .into_iter()
            .map(|(group, mode)| Ok((resolve(group, scope)?.name(scopes), mode)))
            .collect::<Result<Vec<_>, CacheError>>()?;
        Ok(self.engine.invalidate(Invalidation { keys, groups }).await)
    }

    fn stored(&self, key: &BatchKey, scope: &Captured) -> Result<StoredKey, CacheError> {
        let scope = if key.is_shared {
            ScopeId::SHARED
        } else {
            scope.get().map_err(|source| CacheError::NoScope {
                key: key.name.clone(),
                source: source.clone(),
            })?
        };
        self.engine
            .admit_key(&self.engine.hasher.key(scope, key.kind, &key.text))
    }
}

pub(super) fn resolve(group: BatchGroup, scope: &Captured) -> Result<Group, CacheError> {
    let scope = |name: &dyn Fn() -> String| {
        scope.get().map_err(|source| CacheError::NoScope {
            key: name(),
            source: source.clone(),
        })
    };
    Ok(match group {
        BatchGroup::Tag(tag) => {
            tag.check()?;
            Group::Tag(scope(&|| format!("tag {tag}"))?, tag)
        }
        BatchGroup::Kind(kind) => Group::Kind(scope(&|| format!("{kind}:*"))?, kind),
        BatchGroup::Scope => Group::Scope(scope(&|| "*".to_owned())?),
        BatchGroup::Everything => Group::Everything,
    })
}
