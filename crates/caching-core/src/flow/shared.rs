//! What a cache has that shares a store with other processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::clock::Tick;
use crate::codec::Packer;
use crate::coherence::{Asof, Backplane, Partition, Rule};
use crate::config::{CoherenceConfig, L2Config};
use crate::flow::Engine;
use crate::flow::driver::Driver;
use crate::flow::runtime::usable_runtime;
use crate::key::{KeyName, StoredKey};
use crate::level::Guard;
use crate::observe::{PropagationMeter, SharedStatus};
use crate::options::Profile;
use crate::recovery::Recovery;
use crate::scope::{SHARED_SCOPE_TEXT, ScopeId};
use crate::value::ValueType;

/// What a cache has that shares a store with other processes.
pub(crate) struct Shared {
    pub(crate) l2: Guard,
    pub(crate) backplane: Option<Arc<dyn Backplane>>,
    pub(crate) packer: Packer,
    pub(crate) recovery: Recovery,
    /// The one partition there is.
    pub(crate) partition: Partition,
    heartbeat: Duration,
    pub(crate) driver: Driver,
    pub(crate) pulse: Pulse,
    pub(crate) propagation: PropagationMeter,
    /// The bound on staleness, in nanoseconds: the configured one until the store tells another.
    bound: AtomicU64,
}

/// Asking the driver for a poll, and hearing of its end.
pub(crate) struct Pulse {
    pub(crate) nudge: Notify,
    /// How many polls have ended.
    pub(crate) polls: watch::Sender<u64>,
    /// Whether the last poll was answered.
    is_answered: AtomicBool,
    /// For how long somebody has waited for the next one in vain, in nanoseconds.
    in_vain: AtomicU64,
    /// Whether notices are heard.
    is_subscribed: AtomicBool,
    /// The time when the driver last came by, for the mistake of judging hits by it.
    #[cfg(feature = "switches")]
    ticked: AtomicU64,
}

/// What was known when a load began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) asof: Asof,
    /// The tag clock of this process.
    pub(crate) tag_clock: u64,
    /// The tag clock of the deployment; `None` while it is not known, so that nothing can be filled.
    pub(crate) shared_clock: Option<u64>,
    pub(crate) begun: Tick,
}

impl Shared {
    pub(crate) fn new(
        l2: Guard,
        backplane: Option<Arc<dyn Backplane>>,
        packer: Packer,
        coherence: &CoherenceConfig,
        limits: &L2Config,
    ) -> Self {
        let shared = Self {
            l2,
            backplane,
            packer,
            recovery: Recovery::new(limits.queue_limit),
            partition: Partition::default(),
            heartbeat: coherence.heartbeat,
            driver: Driver::new(),
            pulse: Pulse::new(),
            propagation: PropagationMeter::default(),
            bound: AtomicU64::new(0),
        };
        shared.adopt(coherence.bound);
        shared
    }

    /// The bound on staleness.
    pub(crate) fn bound(&self) -> Duration {
        // Relaxed: a number by itself; that it is known before a lease is granted by it follows from
        // the one driver, which does both.
        Duration::from_nanos(self.bound.load(Ordering::Relaxed))
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        if let Some(backplane) = &self.backplane {
            backplane.close().await;
        }
        self.l2.close().await;
    }

    /// How often the store is polled: as configured, or twice within a shorter bound.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.heartbeat.min(self.bound() / 2)
    }

    /// Takes over the bound on which the deployment has agreed.
    pub(crate) fn adopt(&self, bound: Duration) {
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        self.bound.store(nanos, Ordering::Relaxed);
    }
}

impl Pulse {
    fn new() -> Self {
        Self {
            nudge: Notify::new(),
            polls: watch::Sender::new(0),
            is_answered: AtomicBool::new(true),
            in_vain: AtomicU64::new(0),
            is_subscribed: AtomicBool::new(false),
            #[cfg(feature = "switches")]
            ticked: AtomicU64::new(0),
        }
    }

    /// Asks for a poll at once, without waiting for it.
    pub(crate) fn poll_soon(&self) {
        self.nudge.notify_one();
    }

    /// Notes the end of a poll, and tells those who wait for one.
    pub(crate) fn ended(&self, is_answered: bool) {
        // Release, and acquire in `is_answered`: set before those who wait are told.
        self.is_answered.store(is_answered, Ordering::Release);
        self.in_vain.store(0, Ordering::Relaxed);
        self.polls.send_modify(|polls| *polls += 1);
    }

    /// Whether the last poll was answered.
    pub(crate) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Acquire)
    }

    #[cfg(feature = "switches")]
    pub(crate) fn tick(&self, now: Tick) {
        self.ticked.store(now.as_nanos(), Ordering::Relaxed);
    }

    #[cfg(feature = "switches")]
    pub(crate) fn ticked(&self) -> Tick {
        Tick::from_nanos(self.ticked.load(Ordering::Relaxed))
    }

    /// Whether notices are heard.
    pub(crate) fn is_subscribed(&self) -> bool {
        // Relaxed: for people.
        self.is_subscribed.load(Ordering::Relaxed)
    }

    /// Notes whether notices are heard; whether they were.
    pub(crate) fn set_subscribed(&self, is_subscribed: bool) -> bool {
        self.is_subscribed.swap(is_subscribed, Ordering::Relaxed)
    }

    /// Whether it is worth waiting for so long: not while the store is known to be away, nor where
    /// somebody has waited for the same poll as long, and in vain.
    fn is_awaited(&self, limit: Duration) -> bool {
        // Relaxed, here and where it is written: who sees an old one waits once more, or not once.
        let in_vain = Duration::from_nanos(self.in_vain.load(Ordering::Relaxed));
        self.is_answered() && limit > in_vain
    }

    /// Notes that somebody has waited for so long in vain.
    fn was_awaited(&self, limit: Duration) {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        self.in_vain.fetch_max(nanos, Ordering::Relaxed);
    }

    /// Asks for a poll, and waits until `is_enough`, until one is not answered, or for so long.
    ///
    /// False: in all that time no poll was answered that was enough.
    async fn poll_until(&self, is_enough: impl Fn() -> bool, limit: Duration) -> bool {
        let mut polls = self.polls.subscribe();
        self.poll_soon();
        let enough =
            async { while !is_enough() && polls.changed().await.is_ok() && self.is_answered() {} };
        timeout(limit, enough).await.is_ok()
    }
}

impl Engine {
    /// What a load that begins now knows.
    pub(crate) fn origin(&self) -> Origin {
        // The time first, and what is known of the tags before what is known of the keys: each may
        // only be older than the load.
        let begun = self.clock.now();
        let tag_clock = self.purges.clock();
        let asof = self.fences.asof();
        Origin {
            asof,
            tag_clock,
            shared_clock: self.purges.shared_clock(asof.epoch),
            begun,
        }
    }

    /// The key as processes name it to each other.
    pub(crate) fn name_of(&self, key: &StoredKey) -> KeyName {
        match key.scope() {
            // Every `KeyScope` writes it so, and nothing has to be counted that all calls share.
            ScopeId::SHARED => key.name(SHARED_SCOPE_TEXT),
            scope => key.name(&self.scope.text(scope)),
        }
    }

    /// The field of a record that holds values of this type, in this form.
    pub(crate) fn field(
        &self,
        shared: &Shared,
        key: &StoredKey,
        value_type: ValueType,
        profile: &Profile,
    ) -> String {
        let field = shared.packer.field(value_type, profile.codec);
        if key.is_plain() {
            // Nothing binds such a key to one type. A compiler that names the type otherwise finds
            // another field: a miss, and beside it what was there.
            format!("{field}.{:08x}", value_type.fingerprint())
        } else {
            field
        }
    }

    /// Whether what is kept may be given: if the lease is over, after asking for another one.
    ///
    /// While the store is known to be away, nobody waits for it, nor twice in vain for one poll.
    pub(crate) async fn regain_lease(self: &Arc<Self>, shared: &Shared, limit: Duration) -> bool {
        if self.is_leased() || !self.rules.keep(Rule::PollBesideRead) {
            return true;
        }
        if shared.pulse.is_awaited(limit) {
            // In a box, as it is seldom: what a read takes along stays small.
            Box::pin(self.await_lease(shared, limit)).await;
        }
        self.is_leased()
    }

    fn is_leased(&self) -> bool {
        self.fences.lease.holds(self.clock.now())
    }

    /// Waits for a lease from a driver that is at work: where it turns out to be none, from another one.
    async fn await_lease(self: &Arc<Self>, shared: &Shared, limit: Duration) {
        let Some(runtime) = usable_runtime() else {
            return;
        };
        let until = self.clock.now().after(limit);
        loop {
            self.start_driver(&runtime);
            let now = self.clock.now();
            let (left, patience) = (until.since(now), shared.patience(now));
            let holds = || self.is_leased();
            if shared.pulse.poll_until(holds, left.min(patience)).await {
                return;
            }
            if left <= patience {
                return shared.pulse.was_awaited(limit);
            }
        }
    }

    pub(crate) fn shared_status(&self) -> Option<SharedStatus> {
        let shared = self.shared.as_ref()?;
        Some(SharedStatus {
            l2: shared.l2.name(),
            lease_left: self.fences.lease.until().since(self.clock.now()),
            bound: shared.bound(),
            is_answering: shared.pulse.is_answered(),
            is_hearing: shared.backplane.is_none() || shared.pulse.is_subscribed(),
            is_left_alone: shared.l2.is_open(),
            queued: shared.recovery.len(),
        })
    }

    /// Something was seen that does not fit what is known: nothing is given until the next poll.
    pub(crate) fn distrust(&self, shared: &Shared) {
        self.fences.doubt();
        shared.pulse.poll_soon();
    }
}
