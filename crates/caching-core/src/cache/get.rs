//! `get`: reading without a factory.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::coop::poll_proceed;

use crate::cache::{Captured, HybridCache, typed};
use crate::error::CacheError;
use crate::flow::Found;
use crate::key::KeyOf;
use crate::outcome::{Cached, Level, Outcome};
use crate::scope::Scope;

/// A `get`, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct Get<'a, K: ?Sized, V> {
    cache: &'a HybridCache,
    key: &'a K,
    scope: Captured,
    allow_stale: bool,
    value: PhantomData<fn() -> V>,
}

impl<'a, K, V> Get<'a, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    #[inline]
    pub(crate) fn new(cache: &'a HybridCache, key: &'a K) -> Self {
        Self {
            cache,
            key,
            scope: cache.capture(key),
            allow_stale: false,
            value: PhantomData,
        }
    }

    /// Reads in this scope.
    pub fn in_scope(mut self, scope: Scope) -> Self {
        self.scope = self.cache.in_scope(scope).capture(self.key);
        self
    }

    /// Takes a stale value where there is no fresh one; it stays as it is.
    pub fn allow_stale(mut self) -> Self {
        self.allow_stale = true;
        self
    }

    /// Answers with how the read came to its value, too.
    pub fn detailed(self) -> GetDetailed<'a, K, V> {
        GetDetailed(self)
    }

    pub(crate) fn look(&self) -> Result<Cached<Option<Arc<V>>>, CacheError> {
        let engine = &self.cache.engine;
        engine.check_running()?;
        let found = self
            .cache
            .with_key(self.key, &self.scope, |key| engine.look(key, false))?;
        let (kept, outcome) = match found {
            Found::Fresh(kept) | Found::Eager(kept) => {
                engine.counters.hit();
                (kept, Outcome::hit(Level::L1))
            }
            Found::Stale { kept, .. } if self.allow_stale => {
                engine.counters.stale_hits.add();
                (kept, Outcome::stale(Level::L1))
            }
            Found::Stale { .. } | Found::Nothing => {
                engine.counters.misses.add();
                return Ok(Cached {
                    value: None,
                    outcome: Outcome::miss(false, false),
                });
            }
        };
        Ok(Cached {
            value: typed(self.key, kept.content, kept.type_name)?,
            outcome,
        })
    }
}

impl<'a, K, V> IntoFuture for Get<'a, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Option<Arc<V>>, CacheError>;
    type IntoFuture = GetFuture<'a, K, V>;

    fn into_future(self) -> Self::IntoFuture {
        GetFuture(self)
    }
}

/// A `get` under way.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetFuture<'a, K: ?Sized, V>(Get<'a, K, V>);

impl<K, V> Future for GetFuture<'_, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Option<Arc<V>>, CacheError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // A loop of hits still yields to other tasks.
        ready!(poll_proceed(cx)).made_progress();
        Poll::Ready(self.0.look().map(|found| found.value))
    }
}

/// A `get` that says how it came to its value, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetDetailed<'a, K: ?Sized, V>(Get<'a, K, V>);

impl<K, V> Future for GetDetailed<'_, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Cached<Option<Arc<V>>>, CacheError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        ready!(poll_proceed(cx)).made_progress();
        Poll::Ready(self.0.look())
    }
}
