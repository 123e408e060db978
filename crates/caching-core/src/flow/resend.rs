//! Sending again what the shared store could not be told of.

use std::sync::Arc;

use crate::flow::Engine;
use crate::flow::shared::Shared;

/// Sends the next of what is queued; false if that failed.
pub(crate) async fn resend(engine: Arc<Engine>) -> bool {
    match &engine.shared {
        Some(shared) => engine.send_again(shared).await,
        None => false,
    }
}

impl Engine {
    /// Sends the next of what is queued; false if that failed.
    async fn send_again(&self, shared: &Shared) -> bool {
        let Some(due) = shared.recovery.due() else {
            return true;
        };
        match shared.l2.invalidate(shared.partition, &due.change).await {
            Ok(applied) => {
                self.resent(shared, &due, applied);
                true
            }
            Err(error) if error.kind.is_outage() => false,
            Err(error) => {
                tracing::debug!(%error, "a queued invalidation was refused");
                self.unsent.tell("refused by the store");
                shared.recovery.postpone(&due);
                false
            }
        }
    }

    /// Sends everything that is queued, as far as the store lets it.
    pub(crate) async fn send_what_is_queued(&self, shared: &Shared) {
        while shared.recovery.len() > 0 && self.send_again(shared).await {}
    }
}
