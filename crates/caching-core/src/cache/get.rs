//! `get`: reading without a factory.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::task::coop::poll_proceed;

use crate::cache::captured::Captured;
use crate::cache::{HybridCache, typed};
use crate::error::CacheError;
use crate::flow::{Answer, Found, Kept, Request};
use crate::key::KeyOf;
use crate::outcome::{Cached, Level, Outcome};
use crate::scope::{BoxFuture, Scope};
use crate::tag::Tags;

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
        GetDetailed {
            get: self,
            asking: None,
        }
    }

    /// What this process has.
    pub(crate) fn look(&self) -> Result<Cached<Option<Arc<V>>>, CacheError> {
        match self.look_here()? {
            Here::Given(found) => Ok(found),
            Here::Nothing(stale) => self.give_up(stale),
        }
    }

    fn look_here(&self) -> Result<Here<V>, CacheError> {
        let engine = &self.cache.engine;
        engine.check_running()?;
        let found = self
            .cache
            .with_key(self.key, &self.scope, |key| engine.look(key, false))?;
        let kept = match found {
            Found::Fresh(kept) | Found::Eager(kept) => kept,
            Found::Stale { kept, .. } => return Ok(Here::Nothing(Some(kept))),
            Found::Nothing => return Ok(Here::Nothing(None)),
        };
        engine.counters.hit();
        let value = typed(self.key, kept.content, kept.type_name)?;
        let outcome = Outcome::hit(Level::L1);
        Ok(Here::Given(Cached { value, outcome }))
    }

    /// The stale value, for who takes one; else nothing.
    fn give_up(&self, stale: Option<Kept>) -> Result<Cached<Option<Arc<V>>>, CacheError> {
        let counters = &self.cache.engine.counters;
        match stale.filter(|_| self.allow_stale) {
            Some(kept) => {
                counters.stale_hits.add();
                Ok(Cached {
                    value: typed(self.key, kept.content, kept.type_name)?,
                    outcome: Outcome::stale(Level::L1),
                })
            }
            None => {
                counters.misses.add();
                Ok(Cached {
                    value: None,
                    outcome: Outcome::miss(false, false),
                })
            }
        }
    }

    /// The look into the store that processes share, if there is one.
    fn ask(&self) -> Result<Option<Asking>, CacheError> {
        let engine = &self.cache.engine;
        if engine.shared.is_none() {
            return Ok(None);
        }
        let key = self
            .cache
            .with_key(self.key, &self.scope, |key| engine.admit_key(key))??;
        let request = Request {
            profile: engine.profiles.resolve(key.kind(), None),
            key,
            value_type: self.key.value_type(),
            tags: Tags::new(),
            takes_absent: true,
            is_refresh: false,
        };
        Ok(Some(Box::pin(Arc::clone(engine).fetch(request))))
    }
}

/// What this process has for a `get`.
enum Here<V> {
    Given(Cached<Option<Arc<V>>>),
    /// Nothing fresh; maybe something stale.
    Nothing(Option<Kept>),
}

/// A look into the store that processes share.
type Asking = BoxFuture<'static, Option<Answer>>;

impl<'a, K, V> IntoFuture for Get<'a, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Option<Arc<V>>, CacheError>;
    type IntoFuture = GetFuture<'a, K, V>;

    fn into_future(self) -> Self::IntoFuture {
        GetFuture(self.detailed())
    }
}

/// A `get` under way.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetFuture<'a, K: ?Sized, V>(GetDetailed<'a, K, V>);

impl<K, V> Future for GetFuture<'_, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Option<Arc<V>>, CacheError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0
            .poll_found(cx)
            .map(|found| found.map(|found| found.value))
    }
}

/// A `get` that says how it came to its value, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetDetailed<'a, K: ?Sized, V> {
    get: Get<'a, K, V>,
    asking: Option<Asking>,
}

// Only the box is ever pinned, and it may move.
impl<K: ?Sized, V> Unpin for GetDetailed<'_, K, V> {}

impl<K, V> GetDetailed<'_, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    fn poll_found(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Cached<Option<Arc<V>>>, CacheError>> {
        let asking = match &mut self.asking {
            Some(asking) => asking,
            None => {
                // A loop of hits still yields to other tasks.
                ready!(poll_proceed(cx)).made_progress();
                let stale = match self.get.look_here()? {
                    Here::Given(found) => return Poll::Ready(Ok(found)),
                    Here::Nothing(stale) => stale,
                };
                match self.get.ask()? {
                    Some(asking) => self.asking.insert(asking),
                    None => return Poll::Ready(self.get.give_up(stale)),
                }
            }
        };
        let answer = ready!(asking.as_mut().poll(cx));
        self.asking = None;
        Poll::Ready(match answer {
            Some(answer) => {
                typed(self.get.key, answer.content, answer.type_name).map(|value| Cached {
                    value,
                    outcome: answer.outcome,
                })
            }
            // The store may have lent a stale one.
            None => self.get.look(),
        })
    }
}

impl<K, V> Future for GetDetailed<'_, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Cached<Option<Arc<V>>>, CacheError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_found(cx)
    }
}
