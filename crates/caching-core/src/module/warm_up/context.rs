//! What a task of a warm-up works with.

use std::future::Future;
use std::sync::Arc;

use app_host::{MissingService, Services};
use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use super::WarmUpProgress;
use crate::cache::HybridCache;
use crate::error::BoxError;

/// Given to a task of a warm-up: the cache, the services of the application, and a bound on how much is
/// loaded at once.
#[derive(Clone, Debug)]
pub struct WarmUpContext {
    pub(super) cache: HybridCache,
    pub(super) services: Services,
    pub(super) progress: WarmUpProgress,
    /// A permit for each item that may be loaded at the same time.
    pub(super) items: Arc<Semaphore>,
}

impl WarmUpContext {
    /// The cache.
    #[must_use]
    pub fn cache(&self) -> &HybridCache {
        &self.cache
    }

    /// A service of the application, whose modules have all started.
    ///
    /// # Errors
    ///
    /// [`MissingService`] says why it is not there.
    pub fn service<T: Clone + Send + Sync + 'static>(&self) -> Result<T, MissingService> {
        self.services.get()
    }

    /// Loads items, at most `cache.warm_up.concurrency` at the same time over all tasks.
    ///
    /// An item that fails does not keep the others from being loaded.
    ///
    /// # Errors
    ///
    /// How many could not be loaded, with the error of the first.
    pub async fn each<I, F, Fut, R, E>(&self, items: I, load: F) -> Result<(), BoxError>
    where
        I: IntoIterator,
        F: Fn(I::Item) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: Into<BoxError>,
    {
        let (mut all, mut failed, mut first) = (0_usize, 0_usize, None);
        let loads = items.into_iter().map(|item| {
            let load = load(item);
            async {
                // It is never closed.
                let _permit = self.items.acquire().await;
                load.await
            }
        });
        let mut loads = stream::iter(loads).buffer_unordered(self.progress.config().concurrency);
        while let Some(loaded) = loads.next().await {
            all += 1;
            self.progress.count(loaded.is_ok());
            if let Err(error) = loaded {
                failed += 1;
                first.get_or_insert_with(|| error.into());
            }
        }
        match first {
            None => Ok(()),
            Some(first) => {
                Err(format!("{failed} of {all} could not be loaded; the first: {first}").into())
            }
        }
    }
}
