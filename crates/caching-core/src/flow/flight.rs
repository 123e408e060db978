//! One running factory a key, and those who wait for it.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use smallvec::SmallVec;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::clock::Tick;
use crate::coherence::{Age, Asof, Candidate, Rule, Rules};
use crate::error::CacheError;
use crate::flow::consult::Basis;
use crate::flow::load::Answer;
use crate::flow::many::Member;
use crate::flow::shared::Origin;
use crate::key::{BuildPrehashed, StoredKey};

const SHARDS: usize = 64;

/// The flights of a key: the last one may be joined, those before it were too old to be when it
/// began, and are still in the air.
type Listed = SmallVec<[Arc<Flight>; 1]>;

type Shard = HashMap<StoredKey, Listed, BuildPrehashed>;

/// The flights that callers may join, by key.
pub(crate) struct Flights {
    /// Locked for a map operation, never across an await. A flight's passengers are counted under
    /// the lock of its shard, so that the last one to leave and the next one to come agree.
    shards: Box<[Mutex<Shard>]>,
    /// All of them, but in tests.
    rules: Rules,
}

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
    passengers: AtomicUsize,
    /// Whether the factory goes on when nobody waits.
    is_unattended: AtomicBool,
    /// Whether the factory is past its soft limit: who waits may take what is stale instead.
    is_slow: AtomicBool,
    landed: OnceLock<Landing>,
    news: Notify,
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

/// What those who wait are told.
pub(crate) enum News {
    Landed(Landing),
    /// The factory is past its soft limit.
    Slow,
}

/// How a caller came aboard.
pub(crate) enum Boarding {
    /// There was no flight: the caller has to start the factory.
    First(Seat),
    /// The factory is running.
    Joined(Seat),
}

/// A place on a flight. When the last one is given up, the factory ends.
pub(crate) struct Seat {
    flights: Arc<Flights>,
    pub(crate) flight: Arc<Flight>,
}

impl Flights {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            rules,
        }
    }

    fn shard(&self, key: &StoredKey) -> MutexGuard<'_, Shard> {
        // A map operation does not panic half-way; a poisoned lock is a whole map.
        self.shards[key.hash() as usize % SHARDS]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins the flight of a key if `is_joinable`, else begins one at what `begin` says is known.
    pub(crate) fn board(
        self: &Arc<Self>,
        key: &StoredKey,
        limit: Option<Duration>,
        is_joinable: impl FnOnce(&Flight) -> bool,
        begin: impl FnOnce() -> Origin,
    ) -> Boarding {
        let mut shard = self.shard(key);
        if let Some(flight) = shard.get(key).and_then(|listed| listed.last())
            && !flight.is_closed.load(Ordering::Relaxed)
            && is_joinable(flight)
        {
            // Relaxed: counted under the lock of the shard.
            flight.passengers.fetch_add(1, Ordering::Relaxed);
            return Boarding::Joined(self.seat(flight));
        }
        // Under the lock: an invalidation either finds this flight and detaches it, or has been
        // counted in what `begin` reads.
        let flight = Arc::new(Flight::new(key.clone(), limit, begin(), 1));
        shard
            .entry(key.clone())
            .or_default()
            .push(Arc::clone(&flight));
        Boarding::First(self.seat(&flight))
    }

    /// Whether a load of a key is under way.
    pub(crate) fn is_loading(&self, key: &StoredKey) -> bool {
        self.shard(key).contains_key(key)
    }

    /// Begins a flight that nobody waits for, unless one is under way.
    pub(crate) fn begin_unattended(
        &self,
        key: &StoredKey,
        limit: Option<Duration>,
        begin: impl FnOnce() -> Origin,
    ) -> Option<Arc<Flight>> {
        match self.shard(key).entry(key.clone()) {
            Slot::Occupied(_) => None,
            Slot::Vacant(vacant) => {
                let flight = Arc::new(Flight::new(key.clone(), limit, begin(), 0));
                flight.go_on_unattended();
                vacant.insert(SmallVec::from_buf([Arc::clone(&flight)]));
                Some(flight)
            }
        }
    }

    /// Lets nobody join the flight of a key any more; those aboard stay, and what it brings is not
    /// stored.
    pub(crate) fn detach(&self, key: &StoredKey) {
        if !self.rules.keep(Rule::JoinDetached) {
            return;
        }
        for flight in self.shard(key).remove(key).unwrap_or_default() {
            flight.detach();
        }
    }

    /// The same, unless the flight began after the invalidation `at`.
    pub(crate) fn detach_older(&self, key: &StoredKey, at: Asof) {
        if let Slot::Occupied(mut listed) = self.shard(key).entry(key.clone()) {
            listed.get_mut().retain(|flight| {
                let stays = flight.asof().is_after(at);
                if !stays {
                    flight.detach();
                }
                stays
            });
            if listed.get().is_empty() {
                listed.remove();
            }
        }
    }

    /// Lets nobody join any flight that is under way.
    pub(crate) fn detach_all(&self) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for flight in shard.drain().flat_map(|(_, listed)| listed) {
                flight.detach();
            }
        }
    }

    /// Lets nobody join this flight any more. It is still in the air, and may be detached.
    fn close(&self, flight: &Arc<Flight>) {
        let _shard = self.shard(&flight.key);
        // Relaxed: read and written under the lock of the shard.
        flight.is_closed.store(true, Ordering::Relaxed);
    }

    /// Ends a flight: all who wait are told.
    pub(crate) fn land(&self, flight: &Arc<Flight>, landing: Landing) {
        self.take_off_the_board(&mut self.shard(&flight.key), flight);
        // Set before the news: whoever is woken finds it.
        let _ = flight.landed.set(landing);
        flight.news.notify_waiters();
    }

    /// Ends a flight whose last passenger left before it had a task to end.
    pub(crate) fn end_if_abandoned(&self, flight: &Flight) {
        // Under the lock: either the last one to leave finds the task, or this that they have left.
        let _shard = self.shard(&flight.key);
        let is_empty = flight.passengers.load(Ordering::Relaxed) == 0;
        if is_empty && !flight.is_unattended.load(Ordering::Acquire) {
            flight.end();
        }
    }

    fn take_off_the_board(&self, shard: &mut Shard, flight: &Arc<Flight>) {
        if let Slot::Occupied(mut listed) = shard.entry(flight.key.clone()) {
            listed.get_mut().retain(|one| !Arc::ptr_eq(one, flight));
            if listed.get().is_empty() {
                listed.remove();
            }
        }
    }

    fn seat(self: &Arc<Self>, flight: &Arc<Flight>) -> Seat {
        Seat {
            flights: Arc::clone(self),
            flight: Arc::clone(flight),
        }
    }
}

impl Flight {
    fn new(key: StoredKey, limit: Option<Duration>, origin: Origin, passengers: usize) -> Self {
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
            landed: OnceLock::new(),
            news: Notify::new(),
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

    fn detach(&self) {
        self.is_detached.store(true, Ordering::Release);
        if self.passengers.load(Ordering::Relaxed) == 0 {
            // An early refresh of a value that was just invalidated is of use to nobody.
            self.end();
        }
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
        // Release, and acquire in `news`; set before whoever is woken looks.
        self.is_slow.store(true, Ordering::Release);
        self.news.notify_waiters();
    }

    fn end(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    pub(crate) fn has_landed(&self) -> bool {
        self.landed.get().is_some()
    }

    /// What there is to tell to one who has been told that the flight is slow, or has not.
    fn news(&self, knows_slow: bool) -> Option<News> {
        if let Some(landing) = self.landed.get() {
            return Some(News::Landed(landing.clone()));
        }
        let is_slow = !knows_slow && self.is_slow.load(Ordering::Acquire);
        is_slow.then_some(News::Slow)
    }
}

impl Seat {
    /// Waits for the flight to land; also, unless that is known, for it to be slow.
    pub(crate) async fn wait(&self, knows_slow: bool) -> News {
        loop {
            let mut news = std::pin::pin!(self.flight.news.notified());
            // Listening before looking: news between the two is not missed.
            news.as_mut().enable();
            if let Some(told) = self.flight.news(knows_slow) {
                return told;
            }
            news.await;
        }
    }

    /// Lets nobody join this flight any more.
    pub(crate) fn close_flight(&self) {
        self.flights.close(&self.flight);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.flight.has_landed() {
            return;
        }
        let mut shard = self.flights.shard(&self.flight.key);
        // Relaxed: counted under the lock of the shard.
        let was_last = self.flight.passengers.fetch_sub(1, Ordering::Relaxed) == 1
            || !self.flights.rules.keep(Rule::Passengers);
        if was_last && !self.flight.is_unattended.load(Ordering::Acquire) {
            self.flights.take_off_the_board(&mut shard, &self.flight);
            self.flight.end();
        }
    }
}
