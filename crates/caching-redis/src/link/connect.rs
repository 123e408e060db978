//! One connection, from its socket to the server's answer who it is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use deadpool_redis::redis::aio::MultiplexedConnection;
use deadpool_redis::redis::{AsyncConnectionConfig, PushInfo, PushKind, RedisError};
use deadpool_redis::{Manager, Pool, PoolError, Runtime};

use super::shared::Shared;
use crate::error::RedisLinkError;

/// A connection whose server was asked and is the right one. Clones are the same connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    id: u64,
    generation: u64,
    /// How many operations were answered.
    answers: AtomicU64,
    /// It has ended, which may be before the set knows of it.
    has_ended: Arc<AtomicBool>,
    /// Held for as long as the connection is: it ends with its last holder.
    held: deadpool_redis::Connection,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(crate) fn id(&self) -> u64 {
        self.inner.id
    }

    pub(crate) fn generation(&self) -> u64 {
        self.inner.generation
    }

    /// A handle to send with: requests of all handles go out one behind the other, without waiting.
    pub(crate) fn multiplexed(&self) -> MultiplexedConnection {
        MultiplexedConnection::clone(&self.inner.held)
    }

    pub(super) fn has_ended(&self) -> bool {
        // Acquire: pairs with the release where the news of it comes in.
        self.inner.has_ended.load(Ordering::Acquire)
    }

    pub(super) fn answers(&self) -> u64 {
        // Relaxed: it is compared with itself, and a late view only delays a doubt.
        self.inner.answers.load(Ordering::Relaxed)
    }

    pub(super) fn count_answer(&self) {
        self.inner.answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// Who hears what the server says unasked.
pub(crate) enum Listener {
    /// Nobody but the set, when the connection ends.
    None,
    /// Messages of channels go here, and then nothing more comes: the connection has ended.
    Messages(Box<dyn Fn(PushInfo) + Send + Sync>),
}

impl Shared {
    /// Opens a connection within the time limit. The server has said who it is.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        listener: Listener,
    ) -> Result<Connection, RedisLinkError> {
        let attempt = self.connect_and_ask(listener);
        match tokio::time::timeout(self.settings.connect_timeout, attempt).await {
            Ok(attempt) => attempt,
            Err(_) => Err(RedisLinkError::ConnectTimeout),
        }
    }

    async fn connect_and_ask(
        self: &Arc<Self>,
        listener: Listener,
    ) -> Result<Connection, RedisLinkError> {
        // Relaxed: each number once is all that is needed.
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let asked_in = self.set().generation;
        let has_ended = Arc::<AtomicBool>::default();
        let held = self.connect_socket(id, listener, has_ended.clone()).await?;
        let epoch = self.hello(&held).await?;
        let admitted = {
            let mut set = self.set();
            let before = set.generation;
            let admitted = set.admit(asked_in, epoch);
            if set.generation != before {
                self.made_anew(&set, "another epoch");
            }
            admitted
        };
        let Some(generation) = admitted else {
            return Err(RedisLinkError::Distrusted);
        };
        self.status.answered();
        Ok(Connection {
            inner: Arc::new(Inner {
                id,
                generation,
                answers: AtomicU64::new(0),
                has_ended,
                held,
            }),
        })
    }

    /// Puts a connection among those that carry operations, unless it counts no more.
    pub(super) fn install(&self, connection: Connection) {
        let mut set = self.set();
        // Whoever ends from now on is found in the set: it is noted before the set is locked.
        let is_good = connection.generation() == set.generation && !connection.has_ended();
        if is_good && !set.is_closed {
            set.install(connection);
            self.status.connected();
        }
    }

    async fn connect_socket(
        self: &Arc<Self>,
        id: u64,
        listener: Listener,
        has_ended: Arc<AtomicBool>,
    ) -> Result<deadpool_redis::Connection, RedisLinkError> {
        // A file may be on a slow disk.
        let place = self.settings.place.clone();
        let read = tokio::task::spawn_blocking(move || place.read()).await;
        let info = read.map_err(|_| RedisLinkError::Closed)??;
        let shared = Arc::downgrade(self);
        let config = AsyncConnectionConfig::new()
            // Time limits are the callers': they say how long they wait.
            .set_response_timeout(None)
            .set_connection_timeout(Some(self.settings.connect_timeout))
            .set_push_sender(move |push: PushInfo| {
                if push.kind == PushKind::Disconnection {
                    // Release: who sees it finds a connection that has ended.
                    has_ended.store(true, Ordering::Release);
                }
                hear(&shared, id, &listener, push)
            });
        let manager = Manager::new_with_config(info, config).map_err(RedisLinkError::client)?;
        // A pool of one: it is taken out and held, for a checkout a command costs as much as the command.
        let pool = Pool::builder(manager)
            .max_size(1)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| RedisLinkError::Io(error.to_string()))?;
        pool.get().await.map_err(|error| match error {
            PoolError::Backend(error) => RedisLinkError::client(error),
            other => RedisLinkError::Io(other.to_string()),
        })
    }
}

fn hear(
    shared: &Weak<Shared>,
    id: u64,
    listener: &Listener,
    push: PushInfo,
) -> Result<(), RedisError> {
    let has_ended = push.kind == PushKind::Disconnection;
    if let Listener::Messages(hear) = listener {
        hear(push);
    } else if has_ended && let Some(shared) = shared.upgrade() {
        shared.lost(id);
    }
    Ok(())
}
