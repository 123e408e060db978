//! The backplane of a store within the process.

use std::fmt;

use async_trait::async_trait;

use crate::coherence::{Backplane, Notice};
use crate::error::BoxError;
use crate::level::Deployment;
use crate::scope::BoxFuture;

use super::connection::{Connection, ConnectionError};

/// A connection to the notices of a [`MemoryStore`](crate::MemoryStore), for one cache. Clones are the same
/// connection, and close together.
///
/// Notices come in the order of their numbers, each once. A subscriber that is 65 536 of them behind is cut off.
#[derive(Clone)]
pub struct MemoryBackplane {
    connection: Connection,
}

impl MemoryBackplane {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl Backplane for MemoryBackplane {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn open(&self, deployment: &Deployment) {
        self.connection.open(deployment);
    }

    async fn subscribe(
        &self,
        listener: Box<dyn Fn(Notice) + Send + Sync>,
    ) -> Result<BoxFuture<'static, BoxError>, BoxError> {
        let deployment = self.connection.deployment()?;
        let mut notices = self.connection.store.subscribe(deployment);
        let closed = self.connection.closed.clone();
        Ok(Box::pin(async move {
            loop {
                let notice = tokio::select! {
                    // First: a closed connection delivers nothing more, whatever waits.
                    biased;
                    () = closed.cancelled() => return ConnectionError::Closed.into(),
                    notice = notices.recv() => notice,
                };
                match notice {
                    Some(notice) => listener(notice),
                    None => return ConnectionError::Cut.into(),
                }
            }
        }))
    }

    async fn close(&self) {
        self.connection.closed.cancel();
    }
}

impl fmt::Debug for MemoryBackplane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBackplane").finish_non_exhaustive()
    }
}
