//! Putting many values: together, and each by the rules of one.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use crate::cache::Invalidated;
use crate::flow::runtime::usable_runtime;
use crate::flow::{Engine, Put};

/// How many are on their way to the shared store at the same time.
const AT_ONCE: usize = 64;

impl Engine {
    /// Puts values, each under another key. `Applied` if all of them are.
    pub(crate) async fn put_many(self: &Arc<Self>, puts: Vec<Put>) -> Invalidated {
        let Some(runtime) = usable_runtime().filter(|_| self.shared.is_some()) else {
            return self.put_each(puts).await;
        };
        let engine = Arc::clone(self);
        // A task of its own, owned by `tasks`: a caller that leaves does not take along what is still to
        // be put.
        let putting = self
            .tasks
            .spawn_on(async move { engine.put_each(puts).await }, &runtime);
        putting.await.unwrap_or(Invalidated::Queued)
    }

    async fn put_each(self: &Arc<Self>, puts: Vec<Put>) -> Invalidated {
        let none = Invalidated::applied(self.fences.asof());
        stream::iter(puts)
            .map(|put| self.put(put))
            .buffer_unordered(AT_ONCE)
            .fold(None, |all: Option<Invalidated>, one| async move {
                Some(all.map_or(one, |all| all.and(one)))
            })
            .await
            .unwrap_or(none)
    }
}
