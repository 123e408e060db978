//! `get_or_set_many`: what this process has, and a load of the rest.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::consume_budget;

use super::context::ManyContext;
use super::factory::{FactoryOf, without_answer, without_keys};
use super::left::Left;
use super::{check_count, scope_of};
use crate::cache::captured::Captured;
use crate::cache::{HybridCache, typed};
use crate::error::{BoxError, CacheError};
use crate::flow::{Answer, Found, Kept, Request};
use crate::key::{KeyOf, KeyRef, StoredKey};
use crate::options::EntryOptions;
use crate::outcome::{Cached, Level, Outcome};
use crate::scope::{BoxFuture, Scope};
use crate::tag::Tags;
use crate::units::EagerRefresh;

/// A `get_or_set_many`, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetOrSetMany<'a, K, V> {
    cache: &'a HybridCache,
    keys: &'a [K],
    factory: FactoryOf<K>,
    scope: Captured,
    options: Option<EntryOptions>,
    value: PhantomData<fn() -> V>,
}

/// A `get_or_set_many` that says how it came to each value, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetOrSetManyDetailed<'a, K, V>(GetOrSetMany<'a, K, V>);

/// A `get_or_set_many` that tells what became of each key, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetOrSetManyEach<'a, K, V>(GetOrSetMany<'a, K, V>);

/// What became of a key.
type Each<V> = Result<Cached<Option<Arc<V>>>, CacheError>;

impl<'a, K, V> GetOrSetMany<'a, K, V>
where
    K: KeyOf<V> + Clone + Send + 'static,
    V: Send + Sync + 'static,
{
    pub(super) fn new<F, Fut, I, E>(cache: &'a HybridCache, keys: &'a [K], factory: F) -> Self
    where
        F: Fn(ManyContext, Vec<K>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<I, E>> + Send + 'static,
        I: IntoIterator<Item = (K, V)>,
        E: Into<BoxError>,
    {
        Self {
            cache,
            keys,
            factory: without_answer(factory),
            scope: cache.capture_for_many(keys),
            options: None,
            value: PhantomData,
        }
    }

    /// Reads and writes in this scope.
    pub fn in_scope(mut self, scope: Scope) -> Self {
        self.scope = self.cache.in_scope(scope).capture_for_many(self.keys);
        self
    }

    /// Sets options of these entries; they win over the profile of the keys' kind.
    pub fn options(mut self, options: EntryOptions) -> Self {
        self.options = Some(match self.options {
            Some(before) => options.or(&before),
            None => options,
        });
        self
    }

    /// Sets how long the values are fresh.
    pub fn duration(self, duration: Duration) -> Self {
        self.options(EntryOptions::new().duration(duration))
    }

    /// Sets whether stale values are given when the factory fails.
    pub fn fail_safe(self, fail_safe: bool) -> Self {
        self.options(EntryOptions::new().fail_safe(fail_safe))
    }

    /// Answers with how the read came to each value, too.
    pub fn detailed(self) -> GetOrSetManyDetailed<'a, K, V> {
        GetOrSetManyDetailed(self)
    }

    /// Answers with what became of each key: its value and how the read came to it, or why there is none.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let cache = HybridCache::builder().build()?;
    /// cache.set("a", 1_u32).await?.accept_queued();
    /// let each = cache
    ///     .get_or_set_many(&["a", "b"], |cx, _| async move {
    ///         Err::<Vec<(&str, u32)>, _>(cx.fail("the source is away"))
    ///     })
    ///     .each()
    ///     .await?;
    /// assert_eq!(each[0].as_ref().unwrap().value.as_deref(), Some(&1));
    /// assert!(each[1].is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn each(self) -> GetOrSetManyEach<'a, K, V> {
        GetOrSetManyEach(self)
    }
}

/// What a look into L1 left to do.
enum Next {
    Give(Found),
    RefreshAndGive(Found, StoredKey),
    Load(StoredKey),
}

impl<'a, K, V> GetOrSetMany<'a, K, V>
where
    K: KeyOf<V> + Clone + Send + 'static,
    V: Send + Sync + 'static,
{
    async fn all(self) -> Result<Vec<Cached<Option<Arc<V>>>>, CacheError> {
        self.find_each().await?.into_iter().collect()
    }

    async fn find_each(self) -> Result<Vec<Each<V>>, CacheError> {
        check_count(self.keys.len())?;
        let engine = Arc::clone(&self.cache.engine);
        engine.check_running()?;
        let mut left = Left::default();
        let mut each: Vec<Option<Each<V>>> = Vec::with_capacity(self.keys.len());
        for (place, key) in self.keys.iter().enumerate() {
            // Many hits still yield to other tasks.
            consume_budget().await;
            each.push(self.look(place, key, &mut left).transpose());
        }
        let Self { keys, factory, .. } = self;
        if left.keys.is_empty() {
            return Ok(each.into_iter().flatten().collect());
        }
        let factory = without_keys(engine.hasher.clone(), left.keys, factory);
        if !left.refreshes.is_empty() {
            engine.refresh_many(left.refreshes, Arc::clone(&factory));
        }
        let answers = match left.loads.is_empty() {
            true => Vec::new(),
            false => engine.load_many(left.loads, factory).await?,
        };
        for (place, load) in left.waiting {
            if let (Some(each), Some(answer), Some(key)) =
                (each.get_mut(place), answers.get(load), keys.get(place))
            {
                *each = Some(answer.clone().and_then(|answer| answered(key, answer)));
            }
        }
        // Each place was filled, by a look or an answer.
        Ok(each.into_iter().flatten().collect())
    }

    /// What this process has of a key; or what is to be done about it is noted.
    fn look(
        &self,
        place: usize,
        key: &K,
        left: &mut Left<K>,
    ) -> Result<Option<Cached<Option<Arc<V>>>>, CacheError> {
        let scope = scope_of(key, &self.scope);
        match self.cache.with_key(key, &scope, |key| self.next(key))?? {
            Next::Give(found) => self.give(key, found),
            Next::RefreshAndGive(found, stored) => {
                let given = self.give(key, found)?;
                left.want(key, &stored);
                let request = self.request(key, stored, left);
                left.refreshes.push(request);
                Ok(given)
            }
            Next::Load(stored) => {
                let next = left.loads.len();
                let load = *left.want(key, &stored).load.get_or_insert(next);
                if load == next {
                    let request = self.request(key, stored, left);
                    left.loads.push(request);
                }
                left.waiting.push((place, load));
                Ok(None)
            }
        }
    }

    /// Looks, and decides what is to be done.
    fn next(&self, key: &KeyRef<'_>) -> Result<Next, CacheError> {
        let engine = &self.cache.engine;
        let options = self.options.as_ref();
        let resolve = || engine.profiles.resolve(key.kind, options);
        let refreshes =
            options.is_none_or(|options| options.eager_refresh != Some(EagerRefresh::Off));
        let is_past_l1 = options.is_some_and(|options| options.l1_read == Some(false));
        let found = match is_past_l1 {
            true => Found::Nothing,
            false => engine.look_as(key, refreshes, || resolve().serve_stale),
        };
        let gives = match &found {
            Found::Fresh(_) | Found::Eager(_) => true,
            // Given in place of an error a short while ago; it is only for those who take that.
            Found::Stale { throttled, .. } => *throttled && resolve().fail_safe,
            Found::Nothing => false,
        };
        if !gives {
            return Ok(Next::Load(engine.admit_key(key)?));
        }
        let stale = matches!(found, Found::Stale { .. });
        engine.tell_hit(key, Level::L1, stale);
        match found {
            Found::Eager(_) => Ok(Next::RefreshAndGive(found, engine.admit_key(key)?)),
            found => Ok(Next::Give(found)),
        }
    }

    fn give(&self, key: &K, found: Found) -> Result<Option<Cached<Option<Arc<V>>>>, CacheError> {
        let counters = &self.cache.engine.counters;
        let (Kept { content, type_name }, outcome) = match found {
            Found::Fresh(kept) | Found::Eager(kept) => {
                counters.hit();
                (kept, Outcome::hit(Level::L1))
            }
            Found::Stale { kept, .. } => {
                counters.stale_hits.add();
                (kept, Outcome::stale(Level::L1))
            }
            Found::Nothing => return Ok(None),
        };
        let value = typed(key, content, type_name)?;
        Ok(Some(Cached { value, outcome }))
    }

    fn request(&self, key: &K, stored: StoredKey, left: &mut Left<K>) -> Request {
        let mut tags = Tags::new();
        key.tags(&mut tags);
        let profiles = &self.cache.engine.profiles;
        let profile = left.profile_of(key.kind(), |kind| {
            profiles.resolve(kind, self.options.as_ref())
        });
        Request {
            profile,
            key: stored,
            value_type: key.value_type(),
            tags,
            takes_absent: true,
            default: None,
            is_refresh: false,
        }
    }
}

/// What was asked for, made of what a load brought.
fn answered<K, V>(key: &K, answer: Answer) -> Each<V>
where
    K: KeyOf<V>,
    V: Send + Sync + 'static,
{
    let value = typed(key, answer.content, answer.type_name)?;
    let outcome = answer.outcome;
    Ok(Cached { value, outcome })
}

impl<'a, K, V> IntoFuture for GetOrSetMany<'a, K, V>
where
    K: KeyOf<V> + Clone + Send + 'static,
    V: Send + Sync + 'static,
{
    type Output = Result<Vec<Option<Arc<V>>>, CacheError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let found = self.all().await?;
            Ok(found.into_iter().map(|found| found.value).collect())
        })
    }
}

impl<'a, K, V> IntoFuture for GetOrSetManyDetailed<'a, K, V>
where
    K: KeyOf<V> + Clone + Send + 'static,
    V: Send + Sync + 'static,
{
    type Output = Result<Vec<Cached<Option<Arc<V>>>>, CacheError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.all())
    }
}

impl<'a, K, V> IntoFuture for GetOrSetManyEach<'a, K, V>
where
    K: KeyOf<V> + Clone + Send + 'static,
    V: Send + Sync + 'static,
{
    type Output = Result<Vec<Each<V>>, CacheError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.find_each())
    }
}
