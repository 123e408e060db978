//! `get_many`: reading many keys without a factory.

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::sync::Arc;

use tokio::task::consume_budget;

use super::{check_count, scope_of};
use crate::cache::HybridCache;
use crate::cache::captured::Captured;
use crate::cache::get::Get;
use crate::error::CacheError;
use crate::key::KeyOf;
use crate::outcome::Cached;
use crate::scope::{BoxFuture, Scope};

/// A `get_many`, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetMany<'a, K, V> {
    cache: &'a HybridCache,
    keys: &'a [K],
    scope: Captured,
    allow_stale: bool,
    value: PhantomData<fn() -> V>,
}

/// A `get_many` that says how it came to each value, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetManyDetailed<'a, K, V>(GetMany<'a, K, V>);

/// What is found under a key.
type Found<V> = Cached<Option<Arc<V>>>;

impl<'a, K, V> GetMany<'a, K, V>
where
    K: KeyOf<V>,
    V: Send + Sync + 'static,
{
    pub(super) fn new(cache: &'a HybridCache, keys: &'a [K]) -> Self {
        Self {
            cache,
            keys,
            scope: cache.capture_for_many(keys),
            allow_stale: false,
            value: PhantomData,
        }
    }

    /// Reads in this scope.
    pub fn in_scope(mut self, scope: Scope) -> Self {
        self.scope = self.cache.in_scope(scope).capture_for_many(self.keys);
        self
    }

    /// Takes stale values where there are no fresh ones; they stay as they are.
    pub fn allow_stale(mut self) -> Self {
        self.allow_stale = true;
        self
    }

    /// Answers with how the read came to each value, too.
    pub fn detailed(self) -> GetManyDetailed<'a, K, V> {
        GetManyDetailed(self)
    }

    async fn find(self) -> Result<Vec<Found<V>>, CacheError> {
        check_count(self.keys.len())?;
        let mut found: Vec<Option<Found<V>>> = Vec::with_capacity(self.keys.len());
        let mut asked = Vec::new();
        let mut requests = Vec::new();
        for (place, key) in self.keys.iter().enumerate() {
            // Many hits still yield to other tasks.
            consume_budget().await;
            let scope = scope_of(key, &self.scope);
            let get = Get::within(self.cache, key, scope, self.allow_stale);
            let given = get.look_or_ask(&mut requests)?;
            if given.is_none() {
                asked.push((place, get));
            }
            found.push(given);
        }
        if !requests.is_empty() {
            let answers = Arc::clone(&self.cache.engine).fetch_many(requests).await;
            for ((place, get), answer) in asked.into_iter().zip(answers) {
                if let Some(found) = found.get_mut(place) {
                    *found = Some(get.end(answer)?);
                }
            }
        }
        // Each place was filled, by a look or an answer.
        Ok(found.into_iter().flatten().collect())
    }
}

impl<'a, K, V> IntoFuture for GetMany<'a, K, V>
where
    K: KeyOf<V>,
    V: Send + Sync + 'static,
{
    type Output = Result<Vec<Option<Arc<V>>>, CacheError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let found = self.find().await?;
            Ok(found.into_iter().map(|found| found.value).collect())
        })
    }
}

impl<'a, K, V> IntoFuture for GetManyDetailed<'a, K, V>
where
    K: KeyOf<V>,
    V: Send + Sync + 'static,
{
    type Output = Result<Vec<Found<V>>, CacheError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.find())
    }
}
