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
use crate::observe::{CacheEvent, EventKey};
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

    /// The same, in a scope that was captured before.
    pub(super) fn within(
        cache: &'a HybridCache,
        key: &'a K,
        scope: Captured,
        allow_stale: bool,
    ) -> Self {
        Self {
            cache,
            key,
            scope,
            allow_stale,
            value: PhantomData,
        }
    }

    /// What this process has; or what the shared store is to be asked for is added to `asked`.
    pub(super) fn look_or_ask(
        &self,
        asked: &mut Vec<Request>,
    ) -> Result<Option<Cached<Option<Arc<V>>>>, CacheError> {
        let stale = match self.look_here()? {
            Here::Given(found) => return Ok(Some(found)),
            Here::Nothing(stale) => stale,
        };
        match self.request()? {
            Some(request) => {
                asked.push(request);
                Ok(None)
            }
            None => self.give_up(stale).map(Some),
        }
    }

    /// The end of a read that asked the shared store.
    pub(super) fn end(&self, answer: Option<Answer>) -> Result<Cached<Option<Arc<V>>>, CacheError> {
        match answer {
            Some(answer) => typed(self.key, answer.content, answer.type_name).map(|value| Cached {
                value,
                outcome: answer.outcome,
            }),
            // The store may have lent a stale one.
            None => self.look(),
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
            Found::Nothing => {
                // With a store it would be refused on the way there: the same call, the same answer.
                self.cache
                    .with_key(self.key, &self.scope, |key| engine.check_key(key))??;
                return Ok(Here::Nothing(None));
            }
        };
        engine.counters.hit();
        self.tell(|key| CacheEvent::Hit {
            key,
            level: Level::L1,
            stale: false,
        });
        let value = typed(self.key, kept.content, kept.type_name)?;
        let outcome = Outcome::hit(Level::L1);
        Ok(Here::Given(Cached { value, outcome }))
    }

    /// The stale value, for who takes one; else nothing.
    fn give_up(&self, stale: Option<Kept>) -> Result<Cached<Option<Arc<V>>>, CacheError> {
        let counters = &self.cache.engine.counters;
        match stale.filter(|_| self.takes_stale()) {
            Some(kept) => {
                counters.stale_hits.add();
                self.tell(|key| CacheEvent::Hit {
                    key,
                    level: Level::L1,
                    stale: true,
                });
                Ok(Cached {
                    value: typed(self.key, kept.content, kept.type_name)?,
                    outcome: Outcome::stale(Level::L1),
                })
            }
            None => {
                counters.misses.add();
                self.tell(|key| CacheEvent::Miss { key });
                Ok(Cached {
                    value: None,
                    outcome: Outcome::miss(false, false),
                })
            }
        }
    }

    /// Tells whoever watches.
    fn tell(&self, event: impl FnOnce(EventKey) -> CacheEvent) {
        let events = &self.cache.engine.events;
        if events.is_watched() {
            // A key that could not be made has been an error before.
            let _ = self
                .cache
                .with_key(self.key, &self.scope, |key| events.tell(key, event));
        }
    }

    /// Whether a stale value is an answer: as the call says, or else as the profile of its kind does.
    fn takes_stale(&self) -> bool {
        let profiles = &self.cache.engine.profiles;
        self.allow_stale || profiles.resolve(self.key.kind(), None).allow_stale
    }

    /// The look into the store that processes share, if there is one.
    fn ask(&self) -> Result<Option<Asking>, CacheError> {
        let engine = &self.cache.engine;
        let asking = |request| Box::pin(Arc::clone(engine).fetch(request)) as Asking;
        Ok(self.request()?.map(asking))
    }

    /// What the store is asked for, if there is one.
    fn request(&self) -> Result<Option<Request>, CacheError> {
        let engine = &self.cache.engine;
        if engine.shared.is_none() {
            return Ok(None);
        }
        let key = self
            .cache
            .with_key(self.key, &self.scope, |key| engine.admit_key(key))??;
        Ok(Some(Request {
            profile: engine.profiles.resolve(key.kind(), None),
            key,
            value_type: self.key.value_type(),
            tags: Tags::new(),
            takes_absent: true,
            default: None,
            is_refresh: false,
        }))
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
        Poll::Ready(self.get.end(answer))
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
