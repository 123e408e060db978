//! A caller that waits for a flight: woken when it lands, given what is stale when it is slow, and kept no
//! longer than its own limit.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep};

use crate::clock::Tick;
use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::approach::PATIENCE;
use crate::flow::engine::named;
use crate::flow::flight::Landing;
use crate::flow::flights::Seat;
use crate::flow::request::{Answer, Terms};
use crate::flow::runtime::usable_runtime;
use crate::flow::waiters::Place;
use crate::key::StoredKey;

/// How much longer than a factory's hard limit its callers wait: the factory's own end, which knows
/// more, should come first.
const GRACE: Duration = Duration::from_millis(50);

/// When and where a caller came.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(super) at: Tick,
    pub(super) tag_clock: u64,
    pub(super) runtime: Handle,
}

/// A caller that waits for a flight. Ten thousand may wait for one, so it holds little: what it asks for is
/// said at each poll.
pub(crate) struct Waiter {
    pub(super) seat: Seat,
    pub(super) arrived: Arrival,
    /// Where its waker is noted, once it is.
    place: Option<Place>,
    /// Whether it has heard that the factory is past its soft limit.
    knows_slow: bool,
    /// Who wakes it when the flight should have ended.
    watch: Watch,
    /// What ends its wait where the flight does not.
    limit: Option<Pin<Box<Sleep>>>,
}

#[derive(PartialEq)]
enum Watch {
    /// A timer of its own, from the beginning.
    Own,
    /// One for all who wait in its runtime, which has yet to be set or found.
    Unset,
    /// The same, and it is set.
    Shared,
}

impl Waiter {
    /// One that joined a flight.
    pub(super) fn joined(seat: Seat, arrived: Arrival) -> Self {
        Self::new(seat, arrived, Watch::Unset)
    }

    /// The one whose factory runs. Most flights are joined by nobody, and then a timer that is shared would
    /// be one more thing to make.
    pub(super) fn first(seat: Seat, arrived: Arrival) -> Self {
        Self::new(seat, arrived, Watch::Own)
    }

    fn new(seat: Seat, arrived: Arrival, watch: Watch) -> Self {
        Self {
            seat,
            arrived,
            place: None,
            knows_slow: false,
            watch,
            limit: None,
        }
    }

    /// The key that it waits for.
    pub(crate) fn key(&self) -> &StoredKey {
        &self.seat.flight.key
    }

    /// Waits for the flight to land: if it is slow, only where there is nothing stale to give, and for no
    /// longer than the caller's own hard limit. A flight whose runtime is not driven any more would keep
    /// its callers for ever.
    pub(super) fn poll_landing(
        &mut self,
        engine: &Engine,
        terms: &Terms<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Landing> {
        let flight = &self.seat.flight;
        // Noted before it looks: what happens between the two wakes it.
        if !flight.has_landed() {
            flight.note(&mut self.place, cx.waker());
        }
        if let Some(landing) = flight.landing() {
            return Poll::Ready(landing.clone());
        }
        if !self.knows_slow && flight.is_slow() {
            self.knows_slow = true;
            if let Some(stale) = engine.stale(&flight.key, terms) {
                return Poll::Ready(Landing::Answered(Ok(stale)));
            }
        }
        let Some(limit) = terms.profile.factory_hard_limit else {
            return Poll::Pending;
        };
        ready!(self.poll_limit(engine, limit, cx));
        Poll::Ready(Landing::Answered(self.give_up(engine, terms, limit)))
    }

    /// Waits for the answer of a flight that another caller began. `None`: its end is no answer to this one.
    pub(crate) fn poll_answer(
        &mut self,
        engine: &Engine,
        terms: &Terms<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Answer, CacheError>>> {
        let landing = ready!(self.poll_landing(engine, terms, cx));
        let (flight, arrived) = (&self.seat.flight, &self.arrived);
        Poll::Ready(engine.judge_landing(landing, flight, terms, arrived))
    }

    /// Waits for the end of the caller's own limit.
    ///
    /// A timer for each of ten thousand callers would be dear. While the flight is in time, those whose
    /// limit is not shorter than that of its factory need none: one a runtime wakes all of them when the
    /// flight should have ended. Only then, and where the limit is shorter, each has its own.
    fn poll_limit(&mut self, engine: &Engine, limit: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let flight = &self.seat.flight;
        let is_watched = self.limit.is_none() && self.watch != Watch::Own;
        if is_watched && flight.limit.is_some_and(|own| own <= limit) {
            if self.watch == Watch::Unset {
                flight.watch(&self.arrived.runtime, || {
                    engine.left_of(flight.limit, flight.begun())
                });
                self.watch = Watch::Shared;
            }
            // After the watch was set, which may be due at once.
            if !flight.is_overdue() {
                return Poll::Pending;
            }
        }
        if self.limit.is_none() {
            let runtime = match usable_runtime() {
                Some(runtime) => runtime,
                // Where it came, there may be none any more; and the flight should have ended.
                None if flight.is_overdue() => return Poll::Ready(()),
                None => self.arrived.runtime.clone(),
            };
            let _inside = runtime.enter();
            let left = engine.left_of(Some(limit), self.arrived.at);
            self.limit = Some(Box::pin(sleep(left)));
        }
        match &mut self.limit {
            Some(limit) => limit.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// What a caller is given whose limit is over.
    fn give_up(
        &self,
        engine: &Engine,
        terms: &Terms<'_>,
        limit: Duration,
    ) -> Result<Answer, CacheError> {
        let key = &self.seat.flight.key;
        if self.seat.flight.limit.is_some_and(|own| own <= limit) {
            // It should have ended by itself.
            self.seat.close_flight();
        }
        let fallback = engine.stale(key, terms).or_else(|| terms.default());
        fallback.ok_or_else(|| CacheError::FactoryTimeout {
            key: named(key.kind(), key.as_ref().text),
            limit,
        })
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.seat.flight.forget(place);
        }
    }
}

impl Engine {
    /// What is left of the time for which one waits whose limit began `since` then.
    fn left_of(&self, limit: Option<Duration>, since: Tick) -> Duration {
        let limit = limit.unwrap_or(Duration::MAX);
        let all = limit.saturating_add(GRACE).saturating_add(self.detour());
        all.saturating_sub(self.clock.now().since(since))
    }

    /// How much longer than its factory a flight may take that asks a shared store on the way.
    fn detour(&self) -> Duration {
        let Some(shared) = &self.shared else {
            return Duration::ZERO;
        };
        let limits = shared.l2.limits();
        limits
            .read_hard_limit
            .saturating_mul(4)
            .saturating_add(limits.write_limit)
            .saturating_add(PATIENCE)
    }
}
