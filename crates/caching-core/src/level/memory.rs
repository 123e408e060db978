//! A shared store within the process: an L2 and a backplane without a server.

mod backplane;
mod claims;
mod connection;
mod control;
mod groups;
mod l2;
mod ledger;
mod log;
mod records;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::clock::{Clock, SystemClock};
use crate::coherence::{Epoch, Notice, Seq};
use crate::key::KeyName;
use crate::level::{Deployment, FoundRecord};

use self::connection::Connection;
use self::ledger::{Call, Ledger};

pub use self::backplane::MemoryBackplane;
pub use self::l2::MemoryL2;

/// How many notices wait for a subscriber before it counts as lost: as many as the log holds.
const WAITING_NOTICES: usize = 65_536;

/// A store that several caches of one process share, under the same contract as one on a server.
///
/// It is for tests, and for programs with several caches that have to agree. It stands for the server:
/// what can happen to a server can be made to happen to it. Clones are the same store.
///
/// | to a server | here |
/// | --- | --- |
/// | `FLUSHALL`, a restart with nothing kept | [`forget_everything`](Self::forget_everything) |
/// | the control record alone is evicted | [`evict_control`](Self::evict_control) |
/// | an older data set comes back under live connections | [`snapshot`](Self::snapshot), later [`restore`](Self::restore) |
/// | a failover, a restart: another server with the same data | [`replace_server`](Self::replace_server) |
/// | the log is trimmed too far, or has a hole | [`trim_log`](Self::trim_log), [`lose_from_log`](Self::lose_from_log) |
///
/// Deployments with different key prefixes share nothing but the server. Dead records are swept out as new
/// ones come; a limit on what lives there is not.
///
/// ```
/// use std::time::Duration;
///
/// use caching_core::{Address, Asof, Deployment, Find, KeyName, L2, MemoryStore, Record};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let l2 = store.l2();
/// l2.open(&Deployment::new("shop", Duration::from_secs(1)));
///
/// let key = KeyName::parse("shared rate:eur")?;
/// let address = Address::new(l2.partition_of(&key), &key, "json.1");
/// let record = Record {
///     payload: b"1.25".to_vec(),
///     duration: Duration::from_secs(60),
///     retention: Duration::from_secs(3600),
///     tags: Vec::new(),
///     tag_clock: 0,
/// };
/// l2.put(address, &record, None).await?;
/// assert!(matches!(l2.read(address).await?.found, Find::Record(_)));
///
/// store.forget_everything();
/// assert_eq!(l2.read(address).await?.at, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Box<dyn Clock>,
    /// One lock for everything: each operation is one step, as on a server that runs one at a time. It is
    /// held for map operations and the clock, never across an await and never while a listener runs.
    state: Mutex<State>,
}

struct State {
    identity: u64,
    ledgers: HashMap<String, Ledger>,
    subscribers: Vec<Subscriber>,
}

struct Subscriber {
    key_prefix: String,
    notices: mpsc::Sender<Notice>,
}

/// What a [`MemoryStore`] held at a moment; see [`MemoryStore::snapshot`].
#[derive(Clone)]
pub struct MemorySnapshot {
    ledgers: HashMap<String, Ledger>,
}

/// A record as it stands in a [`MemoryStore`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryRecord {
    /// The prefix of the deployment.
    pub key_prefix: String,
    /// The key.
    pub key: KeyName,
    /// Codec and version of the value's type.
    pub field: String,
    /// Whether the key was expired, so that this is a fallback only.
    pub is_expired: bool,
    /// The record.
    pub record: FoundRecord,
}

impl MemoryStore {
    /// An empty store on the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock::new())
    }

    /// An empty store on this clock. A test that pauses time gives it [`TokioClock`](crate::TokioClock).
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                clock: Box::new(clock),
                state: Mutex::new(State {
                    identity: fastrand::u64(..),
                    ledgers: HashMap::new(),
                    subscribers: Vec::new(),
                }),
            }),
        }
    }

    /// A connection for a cache: its L2.
    #[must_use]
    pub fn l2(&self) -> MemoryL2 {
        MemoryL2::new(Connection::new(self.clone()))
    }

    /// A connection for a cache: its backplane.
    #[must_use]
    pub fn backplane(&self) -> MemoryBackplane {
        MemoryBackplane::new(Connection::new(self.clone()))
    }

    /// Forgets everything, as `FLUSHALL` does: records, control records, logs, purges, claims. Connections and
    /// subscriptions stay.
    pub fn forget_everything(&self) {
        self.state().ledgers.clear();
    }

    /// Forgets the control records alone, as a server may that evicts them. The next operation begins a new
    /// epoch, to which the records do not belong.
    pub fn evict_control(&self) {
        self.each_ledger(Ledger::evict_control);
    }

    /// What is stored now.
    #[must_use]
    pub fn snapshot(&self) -> MemorySnapshot {
        MemorySnapshot {
            ledgers: self.state().ledgers.clone(),
        }
    }

    /// Puts an older data set back, numbers and all, without anybody being told: connections and subscriptions
    /// stay, and the server says that it is the same.
    pub fn restore(&self, snapshot: &MemorySnapshot) {
        self.state().ledgers = snapshot.ledgers.clone();
    }

    /// Becomes another server with the same data: its identity changes, and every subscription is cut.
    pub fn replace_server(&self) {
        let mut state = self.state();
        state.identity = fastrand::u64(..);
        state.subscribers.clear();
    }

    /// Keeps only so many of the newest entries of each log.
    pub fn trim_log(&self, keep: usize) {
        self.each_ledger(|ledger| ledger.trim_log(keep));
    }

    /// Loses the invalidation with this number from each log, so that it has a hole.
    pub fn lose_from_log(&self, seq: Seq) {
        self.each_ledger(|ledger| ledger.lose_from_log(seq));
    }

    /// Every record that is still kept, of all deployments and epochs, in order of prefix, key and field.
    #[must_use]
    pub fn records(&self) -> Vec<MemoryRecord> {
        let state = self.state();
        let now = self.shared.clock.now();
        let mut records: Vec<_> = state
            .ledgers
            .iter()
            .flat_map(|(key_prefix, ledger)| {
                let found = ledger.records.iter(now);
                found.map(|(key, field, is_expired, record)| MemoryRecord {
                    key_prefix: key_prefix.clone(),
                    key: key.clone(),
                    field: field.to_owned(),
                    is_expired,
                    record,
                })
            })
            .collect();
        records.sort_by_cached_key(|it| (it.key_prefix.clone(), it.key.clone(), it.field.clone()));
        records
    }

    /// Does something to what is known of a deployment, in one step, and sends the notices of it.
    fn act<A>(
        &self,
        deployment: &Deployment,
        act: impl FnOnce(&mut Ledger, &Call) -> (A, Option<Notice>),
    ) -> A {
        let mut state = self.state();
        let call = Call {
            // Under the lock, so that a later step never has an earlier time.
            now: self.shared.clock.now(),
            identity: state.identity,
            // Never 0, which stands for knowing nothing.
            nonce: Epoch::new(fastrand::u128(1..)),
            bound: deployment.bound,
        };
        let key_prefix = deployment.key_prefix.as_str();
        let ledger = state.ledgers.entry(key_prefix.to_owned()).or_default();
        let (answer, notice) = act(ledger, &call);
        if let Some(notice) = notice {
            state.publish(key_prefix, &notice);
        }
        answer
    }

    fn subscribe(&self, deployment: &Deployment) -> mpsc::Receiver<Notice> {
        let (notices, receiver) = mpsc::channel(WAITING_NOTICES);
        let mut state = self.state();
        state.subscribers.retain(|other| !other.notices.is_closed());
        state.subscribers.push(Subscriber {
            key_prefix: deployment.key_prefix.clone(),
            notices,
        });
        receiver
    }

    fn each_ledger(&self, act: impl FnMut(&mut Ledger)) {
        self.state().ledgers.values_mut().for_each(act);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.shared.state.lock();
        // Only a clock or an allocation can panic in a step; the numbers are right in any case.
        state.unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Under the lock, so that notices are in the order of their numbers. It only puts them into queues.
    fn publish(&mut self, key_prefix: &str, notice: &Notice) {
        // A queue that is full ends, as a server ends a connection that does not read: what comes after a gap
        // is of no use to anybody.
        self.subscribers.retain(|subscriber| {
            subscriber.key_prefix != key_prefix
                || subscriber.notices.try_send(notice.clone()).is_ok()
        });
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl fmt::Debug for MemorySnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySnapshot").finish_non_exhaustive()
    }
}
