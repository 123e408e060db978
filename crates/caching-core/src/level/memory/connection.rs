//! What a handle of the store has of its own: its deployment, and whether it was closed.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::level::{Deployment, L2Error, L2ErrorKind};

use super::MemoryStore;

/// A handle's way to the store. Clones are the same connection.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) store: MemoryStore,
    deployment: Arc<OnceLock<Deployment>>,
    /// Cancelled when the connection is closed; its subscriptions wait for that.
    pub(super) closed: CancellationToken,
}

/// Why a connection cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("the store was told of no deployment; call `open` before anything else")]
    NotOpened,
    #[error("the connection to the store was closed; make another one")]
    Closed,
    #[error("the store has partition 0 only; take the number from `partition_of`")]
    NoSuchPartition,
    #[error("the subscription was cut; subscribe again, then poll for what was missed")]
    Cut,
}

impl Connection {
    pub(super) fn new(store: MemoryStore) -> Self {
        Self {
            store,
            deployment: Arc::default(),
            closed: CancellationToken::new(),
        }
    }

    /// The first one stays: a connection is of one deployment.
    pub(super) fn open(&self, deployment: &Deployment) {
        self.deployment.get_or_init(|| deployment.clone());
    }

    pub(super) fn deployment(&self) -> Result<&Deployment, ConnectionError> {
        if self.closed.is_cancelled() {
            return Err(ConnectionError::Closed);
        }
        self.deployment.get().ok_or(ConnectionError::NotOpened)
    }
}

impl From<ConnectionError> for L2Error {
    fn from(error: ConnectionError) -> Self {
        let kind = match error {
            ConnectionError::NotOpened | ConnectionError::NoSuchPartition => L2ErrorKind::Rejected,
            ConnectionError::Closed | ConnectionError::Cut => L2ErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}
