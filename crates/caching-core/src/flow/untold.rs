//! An invalidation on its way to the store, which is queued where it does not arrive.

use std::sync::Arc;

use crate::coherence::{Asof, Change};
use crate::flow::Engine;

/// An invalidation that the store has yet to be told of.
///
/// Dropping it queues it: because the store did not answer, or because the task that was to tell it
/// went away with its runtime, maybe before it began.
pub(crate) struct Untold {
    engine: Arc<Engine>,
    /// `None` once the store knows.
    change: Option<Change>,
}

impl Untold {
    pub(crate) fn new(engine: &Arc<Engine>, change: Change) -> Self {
        Self {
            engine: Arc::clone(engine),
            change: Some(change),
        }
    }

    /// Tells the store; the number that it gave, or `None` where it had to be queued.
    pub(crate) async fn tell(mut self) -> Option<Asof> {
        let engine = Arc::clone(&self.engine);
        let shared = engine.shared.as_ref()?;
        let change = self.change.as_ref()?;
        let sent_at = engine.clock.now();
        shared.propagation.sending();
        let answer = shared.l2.invalidate(shared.partition, change).await;
        let number = answer.as_ref().ok().map(|applied| applied.at);
        shared.propagation.answered(sent_at, number);
        match answer {
            Ok(applied) => {
                engine.told(shared, change, applied);
                self.change = None;
            }
            Err(_) => engine.counters.l2_failures.add(),
        }
        number
    }

    /// The store knows of it by another message.
    pub(crate) fn told(mut self) {
        self.change = None;
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        if let (Some(change), Some(shared)) = (self.change.take(), &self.engine.shared) {
            self.engine.queue(shared, &change);
        }
    }
}
