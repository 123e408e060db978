//! What all clones of a link share: the deployment, the connections, and which of them count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use caching_core::{Deployment, Epoch};
use tokio::sync::{Notify, watch};

use super::connect::Connection;
use super::keeper;
use super::set::Set;
use super::settings::Settings;
use super::status::{LinkStatus, Status};
use crate::config::RedisConfigError;
use crate::error::{RedisLinkError, Refusal};
use crate::names::{Names, is_prefix};
use crate::wire;

/// How long an operation waits for a first connection, or for one after a loss. After a failed attempt
/// nobody waits: operations fail at once until one has succeeded.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long the task that opens connections may not be seen, an attempt left out: longer than it ever waits.
const UNSEEN: Duration = Duration::from_secs(4);

/// What the processes that share the server agree on, as it is sent.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(super) deployment: Deployment,
    pub(crate) names: Names,
    /// The bound in milliseconds.
    pub(super) bound: u64,
    pub(super) application: String,
}

/// What all clones of a link share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) settings: Settings,
    /// The number of the database, which is not part of the channels that Redis knows.
    pub(super) database: i64,
    pub(super) opened: OnceLock<Result<Opened, RedisLinkError>>,
    /// A lock, held to pick a connection or to change the set, never across an await.
    pub(super) set: Mutex<Set>,
    pub(super) turn: AtomicU64,
    pub(super) ids: AtomicU64,
    pub(super) nonce: u128,
    pub(super) nonces: AtomicU64,
    pub(super) wake: Arc<Notify>,
    /// Which connections count: those of the newest generation.
    pub(super) generation: watch::Sender<u64>,
    pub(crate) status: Status,
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Result<Self, RedisConfigError> {
        let database = settings.place.read()?.redis_settings().db();
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| RedisConfigError::Random(error.to_string()))?;
        Ok(Self {
            set: Mutex::new(Set::new(settings.connections)),
            settings,
            database,
            opened: OnceLock::new(),
            turn: AtomicU64::new(0),
            ids: AtomicU64::new(0),
            nonce: u128::from_le_bytes(nonce),
            nonces: AtomicU64::new(0),
            wake: Arc::default(),
            generation: watch::Sender::new(0),
            status: Status::default(),
        })
    }

    /// Notes the deployment. The first one stays: connections are of one deployment.
    pub(crate) fn open(&self, deployment: &Deployment) {
        let opened = self.opened.get_or_init(|| {
            if !is_prefix(&deployment.key_prefix) {
                return Err(Refusal::Prefix.into());
            }
            let bound = u64::try_from(deployment.bound.as_millis()).unwrap_or(u64::MAX);
            let prefix = &deployment.key_prefix;
            Ok(Opened {
                names: Names::new(prefix, self.database),
                // What scripts believe: from 1 ms to an hour.
                bound: bound.clamp(1, 3_600_000),
                application: self
                    .settings
                    .application
                    .clone()
                    .unwrap_or_else(|| prefix.clone()),
                deployment: deployment.clone(),
            })
        });
        match opened {
            Ok(opened) if opened.deployment != *deployment => {
                tracing::error!("{}", RedisLinkError::OpenedTwice);
            }
            Ok(_) => {}
            Err(error) => self.status.failed(error, true),
        }
    }

    pub(crate) fn opened(&self) -> Result<&Opened, RedisLinkError> {
        match self.opened.get() {
            Some(Ok(opened)) => Ok(opened),
            Some(Err(error)) => Err(error.clone()),
            None => Err(RedisLinkError::NotOpened),
        }
    }

    /// One of the connections. It waits for one only where none has failed since the last one was there.
    pub(crate) async fn connection(self: &Arc<Self>) -> Result<Connection, RedisLinkError> {
        self.opened()?;
        if let Some(connection) = self.pick()? {
            return Ok(connection);
        }
        let mut status = self.status.watch();
        let wait = async {
            loop {
                if let LinkStatus::Down(why) = &*status.borrow_and_update() {
                    return Err(RedisLinkError::Down(why.clone()));
                }
                if let Some(connection) = self.pick()? {
                    return Ok(connection);
                }
                // It fails only without a sender, which is in `self`.
                let _ = status.changed().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or(Err(RedisLinkError::Connecting))
    }

    fn pick(self: &Arc<Self>) -> Result<Option<Connection>, RedisLinkError> {
        // Relaxed: it spreads the load and decides nothing.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut set = self.set();
        if set.is_closed {
            return Err(RedisLinkError::Closed);
        }
        if !set.is_kept(self.settings.connect_timeout + UNSEEN) {
            if set.keep(keeper::spawn(self)) {
                self.made_anew(&set, "the runtime that they are on stands still");
            }
            self.status.connecting();
        }
        Ok(set.pick(turn))
    }

    /// What scripts take that may begin an epoch: the epoch and the bound.
    pub(crate) fn epoch_arguments(&self, opened: &Opened) -> (String, u64) {
        (wire::hex(self.nonce()), opened.bound)
    }

    /// An epoch that nobody else will ever name: random bits, counted on from.
    fn nonce(&self) -> Epoch {
        // Relaxed: each number once is all that is needed.
        let number = self.nonces.fetch_add(1, Ordering::Relaxed);
        Epoch::new(self.nonce.wrapping_add(u128::from(number)).max(1))
    }

    /// Takes note of the epoch in an answer. Another one than before: the server lost its data or is
    /// another one, so that no connection is trusted until it has asked.
    pub(crate) fn saw(&self, connection: &Connection, epoch: Epoch) {
        let mut set = self.set();
        if set.generation == connection.generation() && set.sees_another(epoch) {
            set.distrust_all();
            self.made_anew(&set, "another epoch");
        }
    }

    /// Which generation of connections counts.
    pub(crate) fn watch_generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// How long an attempt to connect may take.
    pub(crate) const fn connect_timeout(&self) -> Duration {
        self.settings.connect_timeout
    }

    /// Whether an answer over this connection, in this epoch, still counts.
    ///
    /// It does not where connections were made anew meanwhile, unless that was for the very epoch that the
    /// answer is in: then it is of the server that they are made to.
    pub(crate) fn still_counts(&self, connection: &Connection, epoch: Option<Epoch>) -> bool {
        self.set().counts(connection.generation(), epoch)
    }

    /// Tells everyone that no connection of before counts: each new one asks the server who it is.
    pub(super) fn made_anew(&self, set: &Set, why: &'static str) {
        self.generation.send_replace(set.generation);
        self.status.distrusted(why);
        self.wake.notify_one();
    }

    /// Drops a broken connection.
    pub(super) fn lost(&self, id: u64) {
        let mut set = self.set();
        if set.lose(id) {
            self.status.lost(set.is_empty());
            self.wake.notify_one();
        }
    }

    pub(crate) fn close(&self) {
        let mut set = self.set();
        set.close();
        self.generation.send_replace(set.generation);
        self.status.closed();
    }

    pub(super) fn set(&self) -> MutexGuard<'_, Set> {
        // Whatever a thread that panicked has come to: each change of the set is one assignment.
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
