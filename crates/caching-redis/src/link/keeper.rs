//! The one task that opens connections.

use std::sync::{Arc, Weak};

use tokio::task::JoinHandle;

use super::backoff::Backoff;
use super::connect::Listener;
use super::shared::Shared;
use crate::error::RedisLinkError;

/// Starts the task. The set owns it: it is aborted when the link is closed or gone.
pub(super) fn spawn(shared: &Arc<Shared>) -> JoinHandle<()> {
    let wake = shared.wake.clone();
    // Weak: the task does not keep alive what ends it.
    let shared = Arc::downgrade(shared);
    tokio::spawn(async move {
        let mut backoff = Backoff::new();
        loop {
            let Some(has_vacancy) = look(&shared) else {
                return;
            };
            if !has_vacancy {
                // A permit that was left while nobody waited is not lost.
                wake.notified().await;
                continue;
            }
            tokio::time::sleep(backoff.next()).await;
            fill(&shared, &mut backoff).await;
        }
    })
}

fn look(shared: &Weak<Shared>) -> Option<bool> {
    let shared = shared.upgrade()?;
    let mut set = shared.set();
    set.is_seen();
    (!set.is_closed).then(|| set.has_vacancy())
}

/// Opens what is missing, until it is there or one attempt has failed.
async fn fill(shared: &Weak<Shared>, backoff: &mut Backoff) {
    while let Some(shared) = shared.upgrade() {
        {
            let mut set = shared.set();
            set.is_seen();
            if !set.has_vacancy() {
                return;
            }
        }
        match shared.connect(Listener::None).await {
            Ok(connection) => {
                backoff.succeeded();
                shared.install(connection);
            }
            // The server changed while it was asked; it is asked again.
            Err(RedisLinkError::Distrusted) => return,
            Err(error) => {
                // One that is silent, or one of several, is still used.
                let is_down = shared.set().is_empty();
                shared.status.failed(&error, is_down);
                return;
            }
        }
    }
}
