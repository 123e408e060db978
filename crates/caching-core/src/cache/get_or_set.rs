//! `get_or_set`: what is asked, and the look that answers or begins a load.

mod future;

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

pub use self::future::{GetOrSetDetailed, GetOrSetFuture};

use crate::cache::captured::Captured;
use crate::cache::demand::Demand;
use crate::cache::tag_source::{NoTags, TagSource, TagsFrom};
use crate::cache::{HybridCache, name_of, typed};
use crate::entry::Content;
use crate::error::{BoxError, CacheError};
use crate::flow::{Answer, Factory, FactoryContext, Found, Request};
use crate::key::{Key, KeyOf, KeyRef, StoredKey};
use crate::options::EntryOptions;
use crate::outcome::{Cached, Level, Outcome};
use crate::scope::{BoxFuture, Scope};
use crate::tag::{Tag, Tags};
use crate::units::EagerRefresh;

/// A `get_or_set`, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetOrSet<'a, K: ?Sized, V, F, T, D> {
    cache: &'a HybridCache,
    key: &'a K,
    factory: F,
    scope: Captured,
    /// Boxed, so that a call without options of its own carries one word.
    options: Option<Box<EntryOptions>>,
    tags: T,
    types: PhantomData<fn() -> (V, D)>,
}

impl<'a, K, V, F, D> GetOrSet<'a, K, V, F, NoTags, D>
where
    K: KeyOf<V> + ?Sized,
{
    #[inline]
    pub(crate) fn new(cache: &'a HybridCache, key: &'a K, factory: F) -> Self {
        Self {
            cache,
            key,
            factory,
            scope: cache.capture(key),
            options: None,
            tags: NoTags,
            types: PhantomData,
        }
    }

    /// Adds tags to those of the key's type. The closure runs only when the factory may, too.
    pub fn tags<G, I>(self, tags: G) -> GetOrSet<'a, K, V, F, TagsFrom<G>, D>
    where
        G: FnOnce() -> I + Send,
        I: IntoIterator,
        I::Item: Into<Tag>,
    {
        GetOrSet {
            cache: self.cache,
            key: self.key,
            factory: self.factory,
            scope: self.scope,
            options: self.options,
            tags: TagsFrom(tags),
            types: PhantomData,
        }
    }
}

impl<'a, K, V, F, T, D> GetOrSet<'a, K, V, F, T, D>
where
    K: KeyOf<V> + ?Sized,
{
    /// Reads and writes in this scope.
    pub fn in_scope(mut self, scope: Scope) -> Self {
        self.scope = self.cache.in_scope(scope).capture(self.key);
        self
    }

    /// Sets options of this entry; they win over the profile of the key's kind.
    pub fn options(mut self, options: EntryOptions) -> Self {
        let options = match self.options {
            Some(before) => options.or(&before),
            None => options,
        };
        self.options = Some(Box::new(options));
        self
    }

    /// Sets how long the value is fresh.
    pub fn duration(self, duration: Duration) -> Self {
        self.options(EntryOptions::new().duration(duration))
    }

    /// Sets whether a stale value is given when the factory fails.
    pub fn fail_safe(self, fail_safe: bool) -> Self {
        self.options(EntryOptions::new().fail_safe(fail_safe))
    }

    /// Answers with how the read came to its value, too.
    pub fn detailed(self) -> GetOrSetDetailed<'a, K, V, F, T, D> {
        GetOrSetDetailed::new(self)
    }
}

/// What was asked for, made of what is kept.
#[inline]
fn answered<K, V, D>(
    key: &K,
    content: Content,
    type_name: fn() -> &'static str,
    outcome: Outcome,
) -> Result<Cached<D::Answer>, CacheError>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
    D: Demand<V>,
{
    let value = typed(key, content, type_name)?;
    let value = D::answer(value).ok_or_else(|| unanswered(key))?;
    Ok(Cached { value, outcome })
}

/// A load ended without an answer to what was asked; no flow comes to this.
#[cold]
fn unanswered<K: Key + ?Sized>(key: &K) -> CacheError {
    CacheError::FactoryAborted { key: name_of(key) }
}

/// What the first poll came to.
enum Looked<'a, K: ?Sized, A> {
    Answered(Result<Cached<A>, CacheError>),
    Missed(&'a K, BoxFuture<'static, Result<Answer, CacheError>>),
}

/// What a look into L1 left to do.
enum Next {
    Give(Found),
    RefreshAndGive(Found, StoredKey),
    Load(StoredKey),
    Refuse(CacheError),
}

impl<'a, K, V, F, Fut, E, T, D> GetOrSet<'a, K, V, F, T, D>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
    F: FnOnce(FactoryContext) -> Fut + Send + 'static,
    Fut: Future<Output = Result<D::Loaded, E>> + Send + 'static,
    E: Into<BoxError>,
    T: TagSource,
    D: Demand<V>,
{
    /// The value, if that is all there is to this read.
    #[inline]
    fn hit(&self) -> Option<Arc<V>> {
        let value = self.cache.hit(self.key, &self.scope)?;
        self.cache.engine.counters.hit();
        Some(value)
    }

    fn look(self) -> Looked<'a, K, D::Answer> {
        let engine = &self.cache.engine;
        let next = self
            .cache
            .with_key(self.key, &self.scope, |key| self.next(key))
            .unwrap_or_else(Next::Refuse);
        match next {
            Next::Give(found) => Looked::Answered(self.give(found)),
            Next::RefreshAndGive(found, key) => {
                let answer = self.give(found);
                // Not for a caller that took the value for another type: its factory makes that.
                if answer.is_ok() {
                    let engine = Arc::clone(engine);
                    let (request, factory) = self.into_request(key);
                    engine.refresh_behind(request, factory);
                }
                Looked::Answered(answer)
            }
            Next::Load(key) => {
                let (engine, asked) = (Arc::clone(engine), self.key);
                let (request, factory) = self.into_request(key);
                Looked::Missed(asked, Box::pin(engine.load(request, factory)))
            }
            Next::Refuse(error) => Looked::Answered(Err(error)),
        }
    }

    /// Looks, and decides what is to be done.
    #[inline]
    fn next(&self, key: &KeyRef<'_>) -> Next {
        let engine = &self.cache.engine;
        let refreshes = self
            .options
            .as_deref()
            .is_none_or(|options| options.eager_refresh != Some(EagerRefresh::Off));
        let found = engine.look(key, refreshes);
        let gives = match &found {
            Found::Fresh(kept) | Found::Eager(kept) => {
                D::TAKES_ABSENT || matches!(kept.content, Content::Value(_))
            }
            // Given in place of an error a short while ago; it is only for those who take that.
            Found::Stale { throttled, .. } => {
                *throttled
                    && engine
                        .profiles
                        .resolve(key.kind, self.options.as_deref())
                        .fail_safe
            }
            Found::Nothing => false,
        };
        if gives && !matches!(found, Found::Eager(_)) {
            return Next::Give(found);
        }
        match engine.admit_key(key) {
            Ok(key) if gives => Next::RefreshAndGive(found, key),
            Ok(key) => Next::Load(key),
            Err(error) => Next::Refuse(error),
        }
    }

    #[inline]
    fn give(&self, found: Found) -> Result<Cached<D::Answer>, CacheError> {
        let counters = &self.cache.engine.counters;
        let (kept, outcome) = match found {
            Found::Fresh(kept) | Found::Eager(kept) => {
                counters.hit();
                (kept, Outcome::hit(Level::L1))
            }
            Found::Stale { kept, .. } => {
                counters.stale_hits.add();
                (kept, Outcome::stale(Level::L1))
            }
            Found::Nothing => return Err(unanswered(self.key)),
        };
        answered::<K, V, D>(self.key, kept.content, kept.type_name, outcome)
    }

    /// The call without its types.
    fn into_request(self, key: StoredKey) -> (Request, Factory) {
        let mut tags = Tags::new();
        self.key.tags(&mut tags);
        self.tags.add_to(&mut tags);
        let factory = self.factory;
        let factory: Factory = Box::new(move |cx| {
            let loading = factory(cx);
            Box::pin(async move {
                let loaded = loading.await.map_err(Into::into)?;
                Ok(match D::loaded(loaded) {
                    Some(value) => Content::Value(Arc::new(value)),
                    None => Content::Absent,
                })
            })
        });
        let request = Request {
            profile: self
                .cache
                .engine
                .profiles
                .resolve(key.kind(), self.options.as_deref()),
            key,
            value_type: self.key.value_type(),
            tags,
            takes_absent: D::TAKES_ABSENT,
            is_refresh: false,
        };
        (request, factory)
    }
}

impl<'a, K, V, F, Fut, E, T, D> IntoFuture for GetOrSet<'a, K, V, F, T, D>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
    F: FnOnce(FactoryContext) -> Fut + Send + 'static,
    Fut: Future<Output = Result<D::Loaded, E>> + Send + 'static,
    E: Into<BoxError>,
    T: TagSource,
    D: Demand<V>,
{
    type Output = Result<D::Answer, CacheError>;
    type IntoFuture = GetOrSetFuture<'a, K, V, F, T, D>;

    #[inline]
    fn into_future(self) -> Self::IntoFuture {
        GetOrSetFuture::new(self)
    }
}
