//! The flights in the air, by key: boarding one, closing it, landing it.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smallvec::SmallVec;

use crate::coherence::{Asof, Rule, Rules};
use crate::flow::flight::{Flight, Landing};
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
            && !flight.is_closed()
            && is_joinable(flight)
        {
            flight.carries_one_more();
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
        flight.close();
    }

    /// Ends a flight: all who wait are told.
    pub(crate) fn land(&self, flight: &Arc<Flight>, landing: Landing) {
        self.take_off_the_board(&mut self.shard(&flight.key), flight);
        flight.land(landing);
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

impl Seat {
    /// Lets nobody join this flight any more.
    pub(super) fn close_flight(&self) {
        self.flights.close(&self.flight);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.flight.has_landed() {
            return;
        }
        let mut shard = self.flights.shard(&self.flight.key);
        let was_last = self.flight.carries_one_less() || !self.flights.rules.keep(Rule::Passengers);
        if was_last && !self.flight.is_unattended() {
            self.flights.take_off_the_board(&mut shard, &self.flight);
            self.flight.end();
        }
    }
}
