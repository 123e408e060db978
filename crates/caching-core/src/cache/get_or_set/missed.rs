//! A `get_or_set` that L1 could not answer: it joins a load, or becomes one.

use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use super::riding::Riding;
use super::{Looked, Wishes, answered};
use crate::cache::HybridCache;
use crate::cache::demand::Demand;
use crate::entry::Content;
use crate::error::{BoxError, CacheError};
use crate::flow::{Begun, Boarded, Factory, FactoryContext, Request, Terms};
use crate::key::{KeyOf, StoredKey};
use crate::options::Profile;
use crate::tag::Tags;

/// A call whose factory may have to run. It stays what it is for as long as it waits for another one's.
pub(super) struct Missed<'a, K: ?Sized, V, F, D> {
    pub(super) cache: &'a HybridCache,
    pub(super) key: &'a K,
    pub(super) factory: F,
    pub(super) wishes: Option<Box<Wishes>>,
    /// Those of the call; those of the key's type can be asked for.
    pub(super) tags: Tags,
    pub(super) types: PhantomData<fn() -> (V, D)>,
}

impl<'a, K, V, F, Fut, E, D> Missed<'a, K, V, F, D>
where
    K: KeyOf<V> + ?Sized,
    V: Send + Sync + 'static,
    F: FnOnce(FactoryContext) -> Fut + Send + 'static,
    Fut: Future<Output = Result<D::Loaded, E>> + Send + 'static,
    E: Into<BoxError>,
    D: Demand<V>,
{
    /// Joins the load of the key, or begins it.
    pub(super) fn load(self, key: StoredKey) -> Result<Looked<'a, K, V, F, D>, CacheError> {
        let (engine, asked) = (&self.cache.engine, self.key);
        let (profile, tags) = (self.profile(&key), self.all_tags());
        match engine.board(&key, &profile, &tags)? {
            Boarded::Joined(waiter) => Ok(Looked::Joined(Riding::begin(self, profile, waiter))),
            Boarded::First(first) => {
                let (request, factory) = self.into_request(key, profile, tags);
                match engine.begin_flight(first, request, factory)? {
                    Begun::Answered(key, answer) => {
                        engine.count_if_stale(&key, &answer);
                        Ok(Looked::Answered(answered::<K, V, D>(
                            asked,
                            answer.content,
                            answer.type_name,
                            answer.outcome,
                        )))
                    }
                    Begun::Waits(pilot) => Ok(Looked::Missed(asked, Box::pin(pilot))),
                }
            }
            Boarded::Later => {
                let (request, factory) = self.into_request(key, profile, tags);
                let loading = Arc::clone(engine).load(request, factory);
                Ok(Looked::Missed(asked, Box::pin(loading)))
            }
        }
    }

    /// Refreshes what is kept, behind the caller.
    pub(super) fn refresh_behind(self, key: StoredKey) {
        let (engine, profile) = (&self.cache.engine, self.profile(&key));
        let tags = self.all_tags();
        let (request, factory) = self.into_request(key, profile, tags);
        engine.refresh_behind(request, factory);
    }

    /// What the call takes for an answer.
    pub(super) fn terms<'b>(&'b self, profile: &'b Profile) -> Terms<'b> {
        let wishes = self.wishes.as_deref();
        Terms {
            profile,
            value_type: self.key.value_type(),
            takes_absent: D::TAKES_ABSENT,
            default: wishes.and_then(|wishes| wishes.default.as_ref()),
        }
    }

    fn profile(&self, key: &StoredKey) -> Arc<Profile> {
        let said = self.wishes.as_deref().map(|wishes| &wishes.options);
        self.cache.engine.profiles.resolve(key.kind(), said)
    }

    pub(super) fn all_tags(&self) -> Tags {
        let mut tags = Tags::new();
        self.key.tags(&mut tags);
        tags.extend(self.tags.iter());
        tags
    }

    /// The call without its types.
    pub(super) fn into_request(
        self,
        key: StoredKey,
        profile: Arc<Profile>,
        tags: Tags,
    ) -> (Request, Factory) {
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
            profile,
            key,
            value_type: self.key.value_type(),
            tags,
            takes_absent: D::TAKES_ABSENT,
            default: self.wishes.and_then(|wishes| wishes.default),
            is_refresh: false,
        };
        (request, factory)
    }
}
