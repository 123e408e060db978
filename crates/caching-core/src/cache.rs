//! The cache as its users see it: the public verbs.

mod beside;
mod builder;
mod captured;
mod demand;
mod get;
mod get_or_set;
mod invalidate;
mod many;
mod observe;
mod set;
mod tag_source;
mod version;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::beside::Legacy;
pub use self::builder::{HybridCacheBuilder, Plaintext};
pub use self::demand::{Demand, Optional, Required};
pub use self::get::{Get, GetDetailed, GetFuture};
pub use self::get_or_set::{GetOrSet, GetOrSetDetailed, GetOrSetFuture};
pub use self::invalidate::{Batch, Invalidated, Token};
pub use self::many::{
    GetMany, GetManyDetailed, GetOrSetMany, GetOrSetManyDetailed, GetOrSetManyEach, MAX_KEYS,
    ManyContext, SetMany,
};
pub use self::set::{Set, SetFuture, Ticket};
pub use self::tag_source::{NoTags, TagSource, TagsFrom};
pub use self::version::Version;

use tokio_util::sync::DropGuard;

use self::captured::Captured;
use crate::entry::Content;
use crate::error::{BoxError, CacheError};
use crate::flow::{Engine, FactoryContext};
use crate::key::{Key, KeyOf, KeyRef, printable};
use crate::scope::{KeyScope, NoScope, Scope, ScopeId};

/// A typed cache in the process, and a handle to it: clones share everything.
///
/// ```
/// use caching_core::HybridCache;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = HybridCache::builder().build()?;
/// let answer = cache
///     .get_or_set("answer", |_| async { Ok::<_, std::io::Error>(42) })
///     .await?;
/// assert_eq!(*answer, 42);
/// # Ok(())
/// # }
/// ```
///
/// # What it promises
///
/// 1. An invalidation that has returned beats every load that began before it. The late value goes
///    to its own callers only.
/// 2. A caller that arrives after an invalidation never joins a load that began before it.
/// 3. A dropped caller does not end a load that others wait for; a panic frees the key.
/// 4. The scope (the tenant) is captured when a verb is called, before its first poll.
#[derive(Clone)]
pub struct HybridCache {
    pub(crate) engine: Arc<Engine>,
    scope: Scope,
    /// Ends what still runs when the last handle is dropped; the engine itself lives as long as
    /// somebody waits for it.
    _last: Arc<DropGuard>,
}

impl HybridCache {
    /// Collects what a cache is made of.
    pub fn builder() -> HybridCacheBuilder {
        HybridCacheBuilder::new()
    }

    fn from_engine(engine: Engine) -> Self {
        Self {
            _last: Arc::new(engine.ending.clone().drop_guard()),
            engine: Arc::new(engine),
            scope: Scope::Current,
        }
    }

    /// Gives the value of a key; on a miss the factory makes it, once for all who ask.
    ///
    /// Await the returned builder, or set options of this call on it first. The factory may outlive
    /// its caller, hence `'static`: clone what it needs into it.
    ///
    /// | what is kept | what the caller gets |
    /// | --- | --- |
    /// | a fresh value | that value |
    /// | a fresh value past the eager share of its life | that value; the factory runs behind |
    /// | a stale value, fail-safe on | the factory's value; the stale one if the factory fails or runs past its soft limit |
    /// | nothing | the factory's value or error |
    ///
    /// # Errors
    ///
    /// The factory's error, a timeout or a panic where there is nothing stale to give; no scope; a
    /// value of another type under the key.
    #[doc(alias = "get_with")]
    #[doc(alias = "get_or_insert_with")]
    #[doc(alias = "fetch")]
    #[inline]
    pub fn get_or_set<'a, K, V, F, Fut, E>(
        &'a self,
        key: &'a K,
        factory: F,
    ) -> GetOrSet<'a, K, V, F, NoTags, Required>
    where
        K: KeyOf<V> + ?Sized,
        V: Send + Sync + 'static,
        F: FnOnce(FactoryContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<V, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        GetOrSet::new(self, key, factory)
    }

    /// Like [`get_or_set`](Self::get_or_set), for a factory that may find that there is none.
    ///
    /// `None` is kept too, for the negative duration, so that a missing row is not asked for again
    /// and again.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// let user = cache
    ///     .get_or_set_optional("user:7", |_| async { Ok::<Option<String>, std::io::Error>(None) })
    ///     .await?;
    /// assert!(user.is_none());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get_or_set`](Self::get_or_set).
    #[doc(alias = "optionally_get_with")]
    #[inline]
    pub fn get_or_set_optional<'a, K, V, F, Fut, E>(
        &'a self,
        key: &'a K,
        factory: F,
    ) -> GetOrSet<'a, K, V, F, NoTags, Optional>
    where
        K: KeyOf<V> + ?Sized,
        V: Send + Sync + 'static,
        F: FnOnce(FactoryContext) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Option<V>, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        GetOrSet::new(self, key, factory)
    }

    /// Gives the value of a key if it is kept and fresh. It never runs a factory.
    ///
    /// Where a store is shared and this process has nothing fresh, the store is asked: a round trip, and no
    /// longer than `cache.l2.read_hard_limit`. What is found there is kept here, too.
    /// [`peek`](Self::peek) asks nobody and keeps nothing.
    ///
    /// `None` stands for "not kept" and for "known to be none"; `.detailed()` tells them apart.
    ///
    /// # Errors
    ///
    /// No scope; a value of another type under the key; a key that cannot be used.
    #[inline]
    pub fn get<'a, K, V>(&'a self, key: &'a K) -> Get<'a, K, V>
    where
        K: KeyOf<V> + ?Sized,
        V: Send + Sync + 'static,
    {
        Get::new(self, key)
    }

    /// Gives the value of a key if this process keeps it and it is fresh, without waiting.
    ///
    /// # Errors
    ///
    /// No scope; a value of another type under the key; a key that cannot be used.
    pub fn peek<K, V>(&self, key: &K) -> Result<Option<Arc<V>>, CacheError>
    where
        K: KeyOf<V> + ?Sized,
        V: Send + Sync + 'static,
    {
        Get::new(self, key).look().map(|found| found.value)
    }

    /// Puts a value under a key, in place of whatever was there or is being loaded.
    ///
    /// For data that lives in the cache alone. Where there is a source, [`remove`](Self::remove) the
    /// key after writing to it: that is never wrong in order. The value is owned: a `String`, say,
    /// where one has a `&str`.
    ///
    /// # Errors
    ///
    /// No scope, a key, a tag or a ticket that cannot be used, or a stopped cache.
    pub fn set<'a, K, V>(&'a self, key: &'a K, value: V) -> Set<'a, K, V>
    where
        K: KeyOf<V> + ?Sized,
        V: Send + Sync + 'static,
    {
        Set::new(self, key, value)
    }

    /// This cache, with all verbs in a scope that is said explicitly.
    ///
    /// Keys that are shared by their type stay shared.
    #[must_use]
    pub fn in_scope(&self, scope: Scope) -> Self {
        Self {
            scope,
            ..self.clone()
        }
    }

    /// What decides about scopes, for those who run work inside one.
    #[must_use]
    pub fn key_scope(&self) -> Arc<dyn KeyScope> {
        Arc::clone(&self.engine.scope)
    }

    /// Drops every entry that nobody can be given any more: past its retention, or removed by a tag, a kind
    /// or a clear. How many there were.
    ///
    /// Nobody has to call it. A purge hides what it is about at once and looks at nothing; the room is given
    /// back when it is needed, or when the retention ends. This gives it back now, at the cost of looking at
    /// every entry: some milliseconds for 100 000.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// cache.set("page 1", "…".to_owned()).tags(["catalogue"]).await?.accept_queued();
    /// cache.remove_by_tag("catalogue").await?.accept_queued();
    /// assert_eq!(cache.stats().entries, 1); // hidden, and still there
    /// assert_eq!(cache.reap().await, 1);
    /// assert_eq!(cache.stats().entries, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn reap(&self) -> u64 {
        self.engine.reap().await
    }

    /// Begins to hear what other processes invalidate, and waits for the first answer of the shared
    /// store, for so long at most. True if it came; without a shared store, at once. False outside of
    /// a tokio runtime with timers.
    ///
    /// Nobody has to call it: the first read does as much. A program that does so first spares that
    /// read the wait.
    ///
    pub async fn start(&self, at_most: Duration) -> bool {
        self.engine.start(at_most).await
    }

    /// Stops the cache: calls are refused from now on, and factories that still run are given until
    /// the deadline to end. True if none had to be dropped.
    pub async fn stop(&self, deadline: Duration) -> bool {
        self.engine.stop(deadline).await
    }

    /// The scope in which a call with this key acts.
    #[inline]
    fn capture<K: Key + ?Sized>(&self, key: &K) -> Captured {
        if key.is_shared() {
            ScopeId::SHARED.into()
        } else {
            self.capture_scope(self.scope)
        }
    }

    #[inline]
    fn capture_scope(&self, scope: Scope) -> Captured {
        match scope {
            Scope::Current => self.engine.scope.current().into(),
            Scope::Shared => ScopeId::SHARED.into(),
            Scope::Of(id) => id.into(),
        }
    }

    /// The value of a key, if L1 has one that there is nothing to think about.
    #[inline]
    fn hit<K, V>(&self, key: &K, scope: &Captured) -> Option<Arc<V>>
    where
        K: KeyOf<V> + ?Sized,
        V: Send + Sync + 'static,
    {
        let scope = scope.get().ok()?;
        let engine = &self.engine;
        key.with_text(|text| engine.plain_hit(&engine.hasher.key(scope, key.kind(), text)))
    }

    /// Gives the key, as look-ups need it, to `read`.
    #[inline]
    fn with_key<K: Key + ?Sized, R>(
        &self,
        key: &K,
        scope: &Captured,
        read: impl FnOnce(&KeyRef<'_>) -> R,
    ) -> Result<R, CacheError> {
        match scope.get() {
            Ok(scope) => {
                Ok(key.with_text(|text| read(&self.engine.hasher.key(scope, key.kind(), text))))
            }
            Err(source) => Err(no_scope(key, source)),
        }
    }
}

impl std::fmt::Debug for HybridCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HybridCache")
            .field("key_prefix", &self.engine.key_prefix)
            .field("scope", &self.scope)
            .field("stats", &self.stats())
            .finish()
    }
}

#[cold]
fn no_scope<K: Key + ?Sized>(key: &K, source: &NoScope) -> CacheError {
    CacheError::NoScope {
        key: name_of(key),
        source: source.clone(),
    }
}

/// A key as errors name it.
fn name_of<K: Key + ?Sized>(key: &K) -> String {
    format!("{}:{}", key.kind(), key.with_text(printable))
}

/// What a caller asked for, made of what is kept.
#[inline]
fn typed<K, V>(
    key: &K,
    content: Content,
    type_name: fn() -> &'static str,
) -> Result<Option<Arc<V>>, CacheError>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    match content {
        Content::Value(value) => match value.downcast::<V>() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(CacheError::TypeMismatch {
                key: name_of(key),
                stored: type_name(),
                asked: key.value_type().name(),
            }),
        },
        Content::Absent => Ok(None),
    }
}
