//! One running factory, as its task and its passengers see it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::clock::Tick;
use crate::coherence::{Age, Asof, Candidate};
use crate::error::CacheError;
use crate::flow::consult::Basis;
use crate::flow::many::Member;
use crate::flow::request::Answer;
use crate::flow::shared::Origin;
use crate::flow::waiters::{Place, Waiters};
use crate::key::StoredKey;

/// One running factory.
pub(crate) struct Flight {
    pub(crate) key: StoredKey,
    /// How long the factory may run.
    pub(crate) limit: Option<Duration>,
    /// What was known before the load began: the value is stored only if it still holds.
    origin: Origin,
    /// What the shared store said since, before the factory began.
    /// A lock for a copy, never held across an await.
    basis: Mutex<Option<Basis>>,
    /// Whether the shared store answered when it was asked for this key and others, and had nothing.
    consulted: OnceLock<bool>,
    /// Those whose factory runs once for all of them, where it is one of many.
    member: OnceLock<Arc<Member>>,
    /// Whether its key was invalidated, or everything became suspect, since it began.
    is_detached: AtomicBool,
    /// Whether nobody may join it, though it is in the air.
    is_closed: AtomicBool,
    /// Counted under the lock of its shard.
    passengers: AtomicUsize,
    /// Whether the factory goes on when nobody waits.
    is_unattended: AtomicBool,
    /// Whether the factory is past its soft limit: who waits may take what is stale instead.
    is_slow: AtomicBool,
    /// Whether it should have ended by now.
    is_overdue: AtomicBool,
    landed: OnceLock<Landing>,
    waiters: Waiters,
    task: OnceLock<AbortHandle>,
}

/// How a flight ended.
#[derive(Clone)]
pub(crate) enum Landing {
    /// With this, for all aboard.
    Answered(Result<Answer, CacheError>),
    /// Before it began, since the value had just been stored: look again.
    LookAgain,
}

impl Flight {
    pub(super) fn new(
        key: StoredKey,
        limit: Option<Duration>,
        origin: Origin,
        passengers: usize,
    ) -> Self {
        Self {
            key,
            limit,
            origin,
            basis: Mutex::default(),
            consulted: OnceLock::new(),
            member: OnceLock::new(),
            is_detached: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            passengers: AtomicUsize::new(passengers),
            is_unattended: AtomicBool::new(false),
            is_slow: AtomicBool::new(false),
            is_overdue: AtomicBool::new(false),
            landed: OnceLock::new(),
            waiters: Waiters::default(),
            task: OnceLock::new(),
        }
    }

    /// The time when the load began.
    pub(crate) fn begun(&self) -> Tick {
        self.origin.begun
    }

    /// The tag clock of this process before the load began.
    pub(crate) fn tag_clock(&self) -> u64 {
        self.origin.tag_clock
    }

    /// What was known before the load began.
    pub(crate) fn asof(&self) -> Asof {
        self.basis().map_or(self.origin.asof, |basis| basis.asof)
    }

    /// The tag clock of the deployment before the load began, if it is known.
    pub(crate) fn shared_clock(&self) -> Option<u64> {
        match self.basis() {
            Some(basis) => Some(basis.tag_clock),
            None => self.origin.shared_clock,
        }
    }

    /// What the flight brings, where that is known to hold as of `asof`.
    pub(crate) fn candidate(&self, asof: Asof) -> Candidate {
        Candidate {
            age: Age {
                asof,
                tag_clock: self.origin.tag_clock,
            },
            is_detached: self.is_detached(),
        }
    }

    /// Notes what the shared store said before the factory began: the load knows as much.
    pub(crate) fn rest_on(&self, basis: Basis) {
        // In the same epoch it is no less than what was known; another epoch means a break, which
        // has detached the flight.
        if basis.asof.is_after(self.asof()) {
            *self.basis.lock().unwrap_or_else(PoisonError::into_inner) = Some(basis);
        }
    }

    /// Notes that the shared store was asked, and had nothing; and whether it answered.
    pub(crate) fn was_consulted(&self, is_answered: bool) {
        let _ = self.consulted.set(is_answered);
    }

    /// Whether the shared store was asked before the flight took off, and answered.
    pub(crate) fn consulted(&self) -> Option<bool> {
        self.consulted.get().copied()
    }

    /// Names the group whose factory is that of this flight, too.
    pub(crate) fn goes_with(&self, member: Arc<Member>) {
        let _ = self.member.set(member);
    }

    /// Whether its factory is that of other flights, too.
    pub(crate) fn is_of_many(&self) -> bool {
        self.member.get().is_some()
    }

    /// Has to wait for another process: the others whose factory it shares do not wait for it.
    pub(crate) fn is_held_up(&self) {
        if let Some(member) = self.member.get() {
            member.is_late();
        }
    }

    fn basis(&self) -> Option<Basis> {
        // Replaced as a whole; there is nothing half-done in it.
        *self.basis.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether its key was invalidated, or everything became suspect, since it began.
    pub(crate) fn is_detached(&self) -> bool {
        // Acquire: pairs with `detach`. Whoever stores asks under the lock of the stripe, which the
        // invalidation takes after it has detached: either it finds what was stored, or this the mark.
        self.is_detached.load(Ordering::Acquire)
    }

    pub(super) fn detach(&self) {
        self.is_detached.store(true, Ordering::Release);
        if self.is_empty() {
            // An early refresh of a value that was just invalidated is of use to nobody.
            self.end();
        }
    }

    /// Whether nobody may join it, though it is in the air.
    pub(super) fn is_closed(&self) -> bool {
        // Relaxed, here and in the next four: read and written under the lock of its shard.
        self.is_closed.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// One more waits for it.
    pub(super) fn carries_one_more(&self) {
        self.passengers.fetch_add(1, Ordering::Relaxed);
    }

    /// One waits for it no more; whether that was the last one.
    pub(super) fn carries_one_less(&self) -> bool {
        self.passengers.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Whether nobody waits for it.
    pub(super) fn is_empty(&self) -> bool {
        self.passengers.load(Ordering::Relaxed) == 0
    }

    /// Names the task that runs the factory.
    pub(crate) fn runs_as(&self, task: AbortHandle) {
        let _ = self.task.set(task);
    }

    /// Lets the factory go on when nobody waits for it any more.
    pub(crate) fn go_on_unattended(&self) {
        // Release, and acquire in `Seat::drop`: set before its passengers are let go.
        self.is_unattended.store(true, Ordering::Release);
    }

    /// Whether it goes on when nobody waits for it.
    pub(crate) fn is_unattended(&self) -> bool {
        self.is_unattended.load(Ordering::Acquire)
    }

    /// Tells all who wait, now and later, that the factory is past its soft limit.
    pub(crate) fn is_late(&self) {
        // Release, and acquire in `is_slow`; set before whoever is woken looks.
        self.is_slow.store(true, Ordering::Release);
        self.waiters.wake();
    }

    /// Whether the factory is past its soft limit.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow.load(Ordering::Acquire)
    }

    /// Ends the factory.
    pub(super) fn end(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    /// Tells all who wait how it ended.
    pub(super) fn land(&self, landing: Landing) {
        // Set before they are told: whoever is woken finds it.
        let _ = self.landed.set(landing);
        self.waiters.end();
    }

    pub(crate) fn has_landed(&self) -> bool {
        self.landed.get().is_some()
    }

    /// How it ended, if it has.
    pub(super) fn landing(&self) -> Option<&Landing> {
        self.landed.get()
    }

    /// Notes who is to be woken when there is something to tell, unless it has landed.
    pub(super) fn note(&self, place: &mut Option<Place>, waker: &Waker) {
        self.waiters.note(place, waker, || self.has_landed());
    }

    /// Forgets one who waits no more.
    pub(super) fn forget(&self, place: Place) {
        if !self.has_landed() {
            self.waiters.forget(place);
        }
    }

    /// Sees to it that all who wait are woken after this time by this runtime.
    pub(super) fn watch(self: &Arc<Self>, runtime: &Handle, after: impl FnOnce() -> Duration) {
        let whom = || Waker::from(Arc::clone(self));
        self.waiters
            .watch(runtime, after, whom, || self.has_landed());
    }

    /// Whether it should have ended by now.
    pub(super) fn is_overdue(&self) -> bool {
        self.is_overdue.load(Ordering::Acquire)
    }
}

/// Only its watches wake it, when it should have ended: then each who waits looks to its own limit.
impl Wake for Flight {
    fn wake(self: Arc<Self>) {
        // Release, and acquire in `is_overdue`; set before whoever is woken looks.
        self.is_overdue.store(true, Ordering::Release);
        self.waiters.wake();
    }
}
