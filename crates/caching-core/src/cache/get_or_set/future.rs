//! A `get_or_set` under way: the hit answers in its first poll, and only a miss is boxed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::task::coop::poll_proceed;

use super::riding::Riding;
use super::{GetOrSet, Looked, answered};
use crate::cache::demand::Demand;
use crate::cache::tag_source::TagSource;
use crate::error::{BoxError, CacheError};
use crate::flow::{Answer, FactoryContext};
use crate::key::KeyOf;
use crate::outcome::{Cached, Level, Outcome};
use crate::scope::BoxFuture;

/// A `get_or_set` under way.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetOrSetFuture<'a, K: ?Sized, V, F, T, D>(State<'a, K, V, F, T, D>);

enum State<'a, K: ?Sized, V, F, T, D> {
    /// Not looked yet, so not boxed yet.
    Look(Option<GetOrSet<'a, K, V, F, T, D>>),
    /// A miss that waits for another caller's load.
    Ride(Box<Riding<'a, K, V, F, D>>),
    /// Any other miss.
    Wait(&'a K, BoxFuture<'static, Result<Answer, CacheError>>),
}

impl<'a, K: ?Sized, V, F, T, D> GetOrSetFuture<'a, K, V, F, T, D> {
    #[inline]
    pub(super) fn new(call: GetOrSet<'a, K, V, F, T, D>) -> Self {
        Self(State::Look(Some(call)))
    }
}

// Only boxes are ever pinned, and they may move.
impl<K: ?Sized, V, F, T, D> Unpin for GetOrSetFuture<'_, K, V, F, T, D> {}

impl<K, V, F, Fut, E, T, D> GetOrSetFuture<'_, K, V, F, T, D>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
    F: FnOnce(FactoryContext) -> Fut + Send + 'static,
    Fut: Future<Output = Result<D::Loaded, E>> + Send + 'static,
    E: Into<BoxError>,
    T: TagSource,
    D: Demand<V>,
{
    /// The answer of a plain hit, given without moving the call.
    #[inline]
    fn poll_hit(&mut self, cx: &mut Context<'_>) -> Poll<Option<D::Answer>> {
        let State::Look(call) = &self.0 else {
            return Poll::Ready(None);
        };
        // A loop of hits still yields to other tasks.
        ready!(poll_proceed(cx)).made_progress();
        let value = call.as_ref().and_then(GetOrSet::hit);
        Poll::Ready(value.and_then(|value| D::answer(Some(value))))
    }

    /// The answer of any other read. The first poll has come past [`poll_hit`](Self::poll_hit).
    fn poll_cached(&mut self, cx: &mut Context<'_>) -> Poll<Result<Cached<D::Answer>, CacheError>> {
        if let State::Look(call) = &mut self.0 {
            let Some(call) = call.take() else {
                // Polled after it was ready; a future may then stay pending for ever.
                return Poll::Pending;
            };
            match call.look() {
                Looked::Answered(answer) => return Poll::Ready(answer),
                Looked::Joined(riding) => self.0 = State::Ride(riding),
                Looked::Missed(key, waiting) => self.0 = State::Wait(key, waiting),
            }
        }
        if let State::Ride(riding) = &mut self.0 {
            let answer = ready!(riding.poll(cx));
            let State::Ride(riding) = std::mem::replace(&mut self.0, State::Look(None)) else {
                return Poll::Pending;
            };
            match answer {
                Some(answer) => return Poll::Ready(answer),
                None => {
                    let (key, waiting) = riding.load();
                    self.0 = State::Wait(key, waiting);
                }
            }
        }
        let State::Wait(key, waiting) = &mut self.0 else {
            return Poll::Pending;
        };
        let answer = ready!(waiting.as_mut().poll(cx));
        let key = *key;
        // Polled after it was ready, a future may stay pending for ever; it must not panic.
        self.0 = State::Look(None);
        let answer = answer?;
        Poll::Ready(answered::<K, V, D>(
            key,
            answer.content,
            answer.type_name,
            answer.outcome,
        ))
    }
}

impl<K, V, F, Fut, E, T, D> Future for GetOrSetFuture<'_, K, V, F, T, D>
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

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(value) = ready!(self.poll_hit(cx)) {
            return Poll::Ready(Ok(value));
        }
        self.poll_cached(cx)
            .map(|answer| answer.map(|cached| cached.value))
    }
}

/// A `get_or_set` that says how it came to its value, to be awaited.
#[must_use = "a read does nothing unless it is awaited"]
pub struct GetOrSetDetailed<'a, K: ?Sized, V, F, T, D>(GetOrSetFuture<'a, K, V, F, T, D>);

impl<'a, K: ?Sized, V, F, T, D> GetOrSetDetailed<'a, K, V, F, T, D> {
    pub(super) fn new(call: GetOrSet<'a, K, V, F, T, D>) -> Self {
        Self(GetOrSetFuture::new(call))
    }
}

impl<K, V, F, Fut, E, T, D> Future for GetOrSetDetailed<'_, K, V, F, T, D>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
    F: FnOnce(FactoryContext) -> Fut + Send + 'static,
    Fut: Future<Output = Result<D::Loaded, E>> + Send + 'static,
    E: Into<BoxError>,
    T: TagSource,
    D: Demand<V>,
{
    type Output = Result<Cached<D::Answer>, CacheError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(value) = ready!(self.0.poll_hit(cx)) {
            let outcome = Outcome::hit(Level::L1);
            return Poll::Ready(Ok(Cached { value, outcome }));
        }
        self.0.poll_cached(cx)
    }
}
