//! `set`: putting a value under a key.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::cache::captured::Captured;
use crate::cache::{HybridCache, Invalidated, name_of};
use crate::entry::Content;
use crate::error::CacheError;
use crate::flow::{Origin, Put};
use crate::key::{Key, KeyOf};
use crate::options::EntryOptions;
use crate::scope::{BoxFuture, Scope};
use crate::tag::{Tag, Tags};

/// A `set`, to be awaited.
#[must_use = "a write does nothing unless it is awaited"]
pub struct Set<'a, K: ?Sized, V> {
    cache: &'a HybridCache,
    key: &'a K,
    value: V,
    scope: Captured,
    options: EntryOptions,
    tags: Tags,
    since: Option<Ticket>,
}

impl<'a, K, V> Set<'a, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    pub(crate) fn new(cache: &'a HybridCache, key: &'a K, value: V) -> Self {
        Self::within(cache, key, value, cache.capture(key))
    }

    /// The same, in a scope that was captured before.
    pub(super) fn within(cache: &'a HybridCache, key: &'a K, value: V, scope: Captured) -> Self {
        let mut tags = Tags::new();
        key.tags(&mut tags);
        Self {
            scope,
            cache,
            key,
            value,
            options: EntryOptions::default(),
            tags,
            since: None,
        }
    }

    /// Writes in this scope.
    pub fn in_scope(mut self, scope: Scope) -> Self {
        self.scope = self.cache.in_scope(scope).capture(self.key);
        self
    }

    /// Sets options of this entry; they win over the profile of the key's kind.
    pub fn options(mut self, options: EntryOptions) -> Self {
        self.options = options.or(&self.options);
        self
    }

    /// Sets how long the value is fresh.
    pub fn duration(self, duration: Duration) -> Self {
        self.options(EntryOptions::new().duration(duration))
    }

    /// Adds tags to those of the key's type.
    pub fn tags<T: Into<Tag>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags);
        self
    }

    /// Stores the value only if nothing has invalidated its key since the ticket was taken; else the
    /// key is invalidated, and that is all. A tag, a kind or a scope that was purged since hides the
    /// value like any other of before. A ticket of another key is an error.
    pub fn since(mut self, ticket: Ticket) -> Self {
        self.since = Some(ticket);
        self
    }

    pub(super) fn into_put(self) -> Result<Put, CacheError> {
        self.tags.check()?;
        let engine = &self.cache.engine;
        engine.check_running()?;
        let key = self
            .cache
            .with_key(self.key, &self.scope, |key| engine.admit_key(key))??;
        if self
            .since
            .is_some_and(|ticket| ticket.key != Some(key.hash()))
        {
            return Err(CacheError::TicketOfAnotherKey {
                key: name_of(self.key),
            });
        }
        Ok(Put {
            profile: engine.profiles.resolve(key.kind(), Some(&self.options)),
            key,
            content: Content::Value(Arc::new(self.value)),
            value_type: self.key.value_type(),
            tags: self.tags.into_kept(),
            since: self.since.map(|ticket| ticket.origin),
        })
    }
}

impl<'a, K, V> IntoFuture for Set<'a, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Invalidated, CacheError>;
    type IntoFuture = SetFuture<'a, K, V>;

    fn into_future(self) -> Self::IntoFuture {
        SetFuture {
            set: Some(self),
            putting: None,
        }
    }
}

/// A `set` under way.
#[must_use = "a write does nothing unless it is awaited"]
pub struct SetFuture<'a, K: ?Sized, V> {
    /// Until the first poll.
    set: Option<Set<'a, K, V>>,
    /// After it.
    putting: Option<BoxFuture<'static, Invalidated>>,
}

// Only the box is ever pinned, and it may move.
impl<K: ?Sized, V> Unpin for SetFuture<'_, K, V> {}

impl<K, V> Future for SetFuture<'_, K, V>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
{
    type Output = Result<Invalidated, CacheError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(set) = self.set.take() {
            let engine = Arc::clone(&set.cache.engine);
            let put = set.into_put()?;
            // Held to the end: `stop` waits for what has begun before it.
            let running = engine.begin()?;
            self.putting = Some(Box::pin(async move {
                let done = engine.put(put).await;
                drop(running);
                done
            }));
        }
        // Polled after it was ready, a future may stay pending for ever; it must not panic.
        let Some(putting) = &mut self.putting else {
            return Poll::Pending;
        };
        let done = ready!(putting.as_mut().poll(cx));
        self.putting = None;
        Poll::Ready(Ok(done))
    }
}

/// What was known of a key at a time: taken before a commit, it lets the value be stored after it
/// only if no other writer came in between.
///
/// ```
/// # use caching_core::HybridCache;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cache = HybridCache::builder().build()?;
/// let ticket = cache.ticket("rate");
/// // … commit the new rate to the source …
/// cache.set("rate", 1.25).since(ticket).await?.accept_queued();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a ticket is for a later `set`"]
pub struct Ticket {
    origin: Origin,
    /// The hash of its key, which tells that it is used for this one; `None` where there was no scope.
    key: Option<u64>,
}

impl HybridCache {
    /// Notes what is known of a key now, for a [`set`](Self::set) of it after a commit, in the same scope.
    pub fn ticket<K: Key + ?Sized>(&self, key: &K) -> Ticket {
        Ticket {
            // Of a key, since a store in several partitions counts each of them by itself.
            origin: self.engine.origin(),
            key: self.with_key(key, &self.capture(key), |key| key.hash).ok(),
        }
    }
}
