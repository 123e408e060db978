//! `get_or_set`: what is asked, and the look that answers or begins a load.

mod future;
mod missed;
mod riding;

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

pub use self::future::{GetOrSetDetailed, GetOrSetFuture};
use self::missed::Missed;
use self::riding::Riding;

use crate::cache::captured::Captured;
use crate::cache::demand::Demand;
use crate::cache::tag_source::{NoTags, TagSource, TagsFrom};
use crate::cache::{HybridCache, name_of, typed};
use crate::coherence::Rule;
use crate::entry::Content;
use crate::error::{BoxError, CacheError};
use crate::flow::{Answer, FactoryContext, Found};
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
    wishes: Option<Box<Wishes>>,
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
            wishes: None,
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
            wishes: self.wishes,
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
        let wishes = self.wishes.get_or_insert_default();
        wishes.options = options.or(&wishes.options);
        self
    }

    /// Gives this value, labelled stale, where the factory fails and there is nothing stale to give. It is
    /// kept for the throttle, and given for as long to whoever takes stale values. With fail-safe off it
    /// counts for nothing.
    ///
    /// ```
    /// # use caching_core::{HybridCache, Outcome};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// let rate = cache
    ///     .get_or_set("rate", |cx| async move { Err::<f64, _>(cx.fail("the bank is closed")) })
    ///     .fail_safe_default(1.0)
    ///     .detailed()
    ///     .await?;
    /// assert_eq!(*rate.value, 1.0);
    /// assert!(rate.outcome.is_stale());
    /// # Ok(())
    /// # }
    /// ```
    pub fn fail_safe_default(mut self, value: V) -> Self
    where
        V: Send + Sync + 'static,
    {
        let wishes = self.wishes.get_or_insert_default();
        wishes.default = Some(Content::Value(Arc::new(value)));
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

/// What a call says beyond its key and factory.
#[derive(Default)]
struct Wishes {
    options: EntryOptions,
    default: Option<Content>,
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
enum Looked<'a, K: ?Sized, V, F, D: Demand<V>> {
    Answered(Result<Cached<D::Answer>, CacheError>),
    /// It waits for another caller's load.
    Joined(Box<Riding<'a, K, V, F, D>>),
    /// It loads, or has to wait for something before it can.
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
    fn said(&self) -> Option<&EntryOptions> {
        self.wishes.as_deref().map(|wishes| &wishes.options)
    }

    /// Whether what this process has is not to be looked at.
    #[inline]
    fn is_past_l1(&self) -> bool {
        self.said()
            .is_some_and(|options| options.l1_read == Some(false))
    }

    /// The value, if that is all there is to this read.
    #[inline]
    fn hit(&self) -> Option<Arc<V>> {
        if self.is_past_l1() || !self.cache.engine.rules.keep(Rule::CapturedScope) {
            return None;
        }
        let value = self.cache.hit(self.key, &self.scope)?;
        self.cache.engine.counters.hit();
        Some(value)
    }

    fn look(mut self) -> Looked<'a, K, V, F, D> {
        let engine = &self.cache.engine;
        if !engine.rules.keep(Rule::CapturedScope) {
            self.scope = self.cache.capture(self.key);
        }
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
                    self.missed().refresh_behind(key);
                }
                Looked::Answered(answer)
            }
            Next::Load(key) => match self.missed().load(key) {
                Ok(looked) => looked,
                Err(error) => Looked::Answered(Err(error)),
            },
            Next::Refuse(error) => Looked::Answered(Err(error)),
        }
    }

    /// Looks, and decides what is to be done.
    #[inline]
    fn next(&self, key: &KeyRef<'_>) -> Next {
        let engine = &self.cache.engine;
        let refreshes = self
            .said()
            .is_none_or(|options| options.eager_refresh != Some(EagerRefresh::Off));
        let found = match self.is_past_l1() {
            true => Found::Nothing,
            false => engine.look_as(key, refreshes, || {
                engine.profiles.resolve(key.kind, self.said()).serve_stale
            }),
        };
        let gives = match &found {
            Found::Fresh(kept) | Found::Eager(kept) => {
                D::TAKES_ABSENT || matches!(kept.content, Content::Value(_))
            }
            // Given in place of an error a short while ago; it is only for those who take that.
            Found::Stale { throttled, .. } => {
                *throttled && engine.profiles.resolve(key.kind, self.said()).fail_safe
            }
            Found::Nothing => false,
        };
        if gives {
            let stale = matches!(found, Found::Stale { .. });
            engine.tell_hit(key, Level::L1, stale);
        }
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

    /// The call, once it is known that its factory may have to run.
    fn missed(self) -> Missed<'a, K, V, F, D> {
        let mut tags = Tags::new();
        self.tags.add_to(&mut tags);
        Missed {
            cache: self.cache,
            key: self.key,
            factory: self.factory,
            wishes: self.wishes,
            tags,
            types: PhantomData,
        }
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
