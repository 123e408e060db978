//! A `get_or_set` that waits for another caller's load.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::answered;
use super::missed::Missed;
use crate::cache::demand::Demand;
use crate::error::{BoxError, CacheError};
use crate::flow::{Answer, FactoryContext, Waiter};
use crate::key::KeyOf;
use crate::options::Profile;
use crate::outcome::Cached;
use crate::scope::BoxFuture;

/// A call that waits for another caller's load, and may yet have to run its own factory.
pub(super) struct Riding<'a, K: ?Sized, V, F, D> {
    call: Missed<'a, K, V, F, D>,
    profile: Arc<Profile>,
    waiter: Waiter,
}

impl<'a, K, V, F, Fut, E, D> Riding<'a, K, V, F, D>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
    F: FnOnce(FactoryContext) -> Fut + Send + 'static,
    Fut: Future<Output = Result<D::Loaded, E>> + Send + 'static,
    E: Into<BoxError>,
    D: Demand<V>,
{
    /// In a box of its own, so that a hit moves nothing of it.
    pub(super) fn begin(
        call: Missed<'a, K, V, F, D>,
        profile: Arc<Profile>,
        waiter: Waiter,
    ) -> Box<Self> {
        Box::new(Self {
            call,
            profile,
            waiter,
        })
    }

    /// Waits for the load. `None`: what it came to is no answer to this call.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Cached<D::Answer>, CacheError>>> {
        let Self {
            call,
            profile,
            waiter,
        } = self;
        let (engine, terms) = (&call.cache.engine, call.terms(profile));
        let answer = ready!(waiter.poll_answer(engine, &terms, cx));
        Poll::Ready(answer.map(|answer| {
            answer.and_then(|answer| {
                engine.count_if_stale(waiter.key(), &answer);
                answered::<K, V, D>(call.key, answer.content, answer.type_name, answer.outcome)
            })
        }))
    }

    /// A load of the call's own.
    pub(super) fn load(self) -> (&'a K, BoxFuture<'static, Result<Answer, CacheError>>) {
        let Self {
            call,
            profile,
            waiter,
        } = self;
        let (engine, asked) = (Arc::clone(&call.cache.engine), call.key);
        let tags = call.all_tags();
        let key = waiter.key().clone();
        let (request, factory) = call.into_request(key, profile, tags);
        (asked, Box::pin(engine.load_after(waiter, request, factory)))
    }
}
