//! A factory of many keys, step by step without its types.

use std::future::Future;
use std::sync::Arc;

use super::context::{ManyContext, stored};
use super::left::{ByKey, Wanted};
use crate::cache::name_of;
use crate::entry::Content;
use crate::error::BoxError;
use crate::flow::{ManyFactory, Missing};
use crate::key::{Key, KeyHasher, KeyOf};
use crate::scope::{BoxFuture, ScopeId};

/// A factory without the types of its answer.
pub(super) type FactoryOf<K> = Box<
    dyn Fn(ManyContext, Vec<K>) -> BoxFuture<'static, Result<Vec<(K, Content)>, BoxError>>
        + Send
        + Sync,
>;

pub(super) fn without_answer<K, V, F, Fut, I, E>(factory: F) -> FactoryOf<K>
where
    K: KeyOf<V> + Clone + Send + 'static,
    V: Send + Sync + 'static,
    F: Fn(ManyContext, Vec<K>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<I, E>> + Send + 'static,
    I: IntoIterator<Item = (K, V)>,
    E: Into<BoxError>,
{
    Box::new(move |cx, missing| {
        let loading = factory(cx, missing);
        Box::pin(async move {
            let kept = |(key, value)| (key, Content::Value(Arc::new(value)));
            let loaded = loading.await.map_err(Into::into)?;
            Ok(loaded.into_iter().map(kept).collect())
        })
    })
}

/// The same without the type of its keys, which are these.
pub(super) fn without_keys<K>(
    hasher: KeyHasher,
    keys: ByKey<Wanted<K>>,
    factory: FactoryOf<K>,
) -> ManyFactory
where
    K: Key + Clone + Send + 'static,
{
    Arc::new(move |missing: Vec<Missing>| {
        let asked: Vec<K> = missing
            .iter()
            .filter_map(|one| Some(keys.get(&one.key)?.key.clone()))
            .collect();
        let places: ByKey<usize> = missing
            .iter()
            .enumerate()
            .map(|(place, one)| (one.key.clone(), place))
            .collect();
        let cx = ManyContext::new(hasher.clone(), missing);
        let scope = cx.scope();
        let loading = factory(cx, asked);
        let hasher = hasher.clone();
        Box::pin(async move { sorted(&hasher, scope, &places, loading.await?) })
    })
}

/// What was loaded, in the order in which it was asked for.
fn sorted<K: Key>(
    hasher: &KeyHasher,
    scope: ScopeId,
    places: &ByKey<usize>,
    loaded: Vec<(K, Content)>,
) -> Result<Vec<Content>, BoxError> {
    let mut contents = vec![Content::Absent; places.len()];
    for (key, loaded) in loaded {
        let place = places.get(&stored(hasher, scope, &key));
        match place.and_then(|place| contents.get_mut(*place)) {
            Some(content) => *content = loaded,
            None => return Err(NotAskedFor(name_of(&key)).into()),
        }
    }
    Ok(contents)
}

/// A factory brought a key that it was not asked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "the factory brought key \"{0}\", which it was not asked for; \
     give each value with the very key that was missing"
)]
struct NotAskedFor(String);
