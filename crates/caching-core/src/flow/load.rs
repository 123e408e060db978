//! A read that L1 could not answer, from its caller's side: join the flight of the key, or begin one.
//!
//! ```text
//! board, without waiting -> joined: a `Waiter`, and the call stays as it is
//!                        -> first:  the call becomes a request, a task, and a `Pilot` that waits for it
//!                        -> later:  what has to be waited for first takes the long way
//! the end of a flight is no answer to who joined it -> the long way, too
//! ```

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::clock::Tick;
use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::flight::Landing;
use crate::flow::flights::{Boarding, Seat};
use crate::flow::loading::Loading;
use crate::flow::request::{Answer, Factory, Request};
use crate::flow::runtime::runtime;
use crate::flow::wait::{Arrival, Waiter};
use crate::key::StoredKey;
use crate::options::Profile;
use crate::tag::Tags;

/// What a caller came to without waiting.
pub(crate) enum Boarded {
    /// It waits for a flight that another caller began.
    Joined(Waiter),
    /// It is the one to begin a flight.
    First(First),
    /// Something has to be waited for first.
    Later,
}

/// A flight that was listed for a caller, who is to begin it.
pub(crate) struct First {
    seat: Seat,
    arrived: Arrival,
    loading: Loading,
}

/// The caller whose factory runs, waiting for it.
pub(crate) struct Pilot {
    engine: Arc<Engine>,
    request: Request,
    waiter: Waiter,
}

/// What beginning a flight came to.
pub(crate) enum Begun {
    /// Another flight has landed meanwhile; with the key that it was for.
    Answered(StoredKey, Answer),
    Waits(Pilot),
}

impl Engine {
    /// Boards the flight of a key, or the first one, if that takes no waiting.
    pub(crate) fn board(
        self: &Arc<Self>,
        key: &StoredKey,
        profile: &Profile,
        tags: &Tags,
    ) -> Result<Boarded, CacheError> {
        tags.check()?;
        let runtime = runtime()?;
        let loading = Loading::begin(self, key)?;
        if self.shared.is_some() && !self.fences.lease.holds(self.clock.now()) {
            // It may be regained, and then nothing has to be loaded.
            return Ok(Boarded::Later);
        }
        let arrived = self.arrive(key, runtime);
        Ok(match self.find_seat(key, profile, tags) {
            Boarding::Joined(seat) => Boarded::Joined(Waiter::joined(seat, arrived)),
            Boarding::First(seat) => Boarded::First(First {
                seat,
                arrived,
                loading,
            }),
        })
    }

    pub(super) fn find_seat(&self, key: &StoredKey, profile: &Profile, tags: &Tags) -> Boarding {
        self.flights.board(
            key,
            profile.factory_hard_limit,
            |flight| self.may_join(flight, profile, tags),
            || self.origin(),
        )
    }

    /// Answers a request that L1 could not.
    pub(crate) async fn load(
        self: Arc<Self>,
        request: Request,
        factory: Factory,
    ) -> Result<Answer, CacheError> {
        let key = request.key.clone();
        let answer = self.load_uncounted(request, factory).await?;
        self.count_if_stale(&key, &answer);
        Ok(answer)
    }

    pub(super) async fn load_uncounted(
        self: &Arc<Self>,
        request: Request,
        factory: Factory,
    ) -> Result<Answer, CacheError> {
        request.tags.check()?;
        let runtime = runtime()?;
        let loading = Loading::begin(self, &request.key)?;
        if let Some(answer) = self.regain(&request, Tick::NEVER).await {
            return Ok(answer);
        }
        let arrived = self.arrive(&request.key, runtime);
        self.go_aboard(arrived, loading, request, factory).await
    }

    /// Answers the request of a caller who joined a flight, whose end was no answer to it.
    pub(crate) async fn load_after(
        self: Arc<Self>,
        waiter: Waiter,
        request: Request,
        factory: Factory,
    ) -> Result<Answer, CacheError> {
        let arrived = waiter.arrived.clone();
        drop(waiter);
        let key = request.key.clone();
        let answer = match self.look_again(&request) {
            Some(answer) => answer,
            None => {
                let loading = Loading::begin(&self, &key)?;
                self.go_aboard(arrived, loading, request, factory).await?
            }
        };
        self.count_if_stale(&key, &answer);
        Ok(answer)
    }

    /// Joins flights until the end of one is an answer, or begins one.
    async fn go_aboard(
        self: &Arc<Self>,
        arrived: Arrival,
        loading: Loading,
        request: Request,
        factory: Factory,
    ) -> Result<Answer, CacheError> {
        let seat = loop {
            match self.find_seat(&request.key, &request.profile, &request.tags) {
                Boarding::First(seat) => break seat,
                Boarding::Joined(seat) => {
                    let mut waiter = Waiter::joined(seat, arrived.clone());
                    let ride = poll_fn(|cx| waiter.poll_answer(self, &request.terms(), cx));
                    if let Some(answer) = ride.await {
                        return answer;
                    }
                }
            }
            if let Some(answer) = self.look_again(&request) {
                return Ok(answer);
            }
        };
        let first = First {
            seat,
            arrived,
            loading,
        };
        match self.begin_flight(first, request, factory)? {
            Begun::Answered(_, answer) => Ok(answer),
            Begun::Waits(pilot) => pilot.landed().await,
        }
    }

    /// Begins a flight, which its caller is to wait for.
    pub(crate) fn begin_flight(
        self: &Arc<Self>,
        first: First,
        request: Request,
        factory: Factory,
    ) -> Result<Begun, CacheError> {
        let flight = &first.seat.flight;
        // Between this caller's look and its boarding, another flight may have landed.
        if let Some(answer) = self.look_again(&request) {
            self.flights.land(flight, Landing::LookAgain);
            return Ok(Begun::Answered(request.key, answer));
        }
        let token = self.begin();
        if let Err(stopped) = token {
            self.flights.land(flight, Landing::LookAgain);
            return Err(stopped);
        }
        let pilot = Pilot::new(self, &request, first.seat, first.arrived);
        let Waiter { seat, arrived, .. } = &pilot.waiter;
        self.take_off(
            &arrived.runtime,
            &seat.flight,
            request,
            factory,
            first.loading,
        );
        drop(token);
        Ok(Begun::Waits(pilot))
    }
}

impl Pilot {
    pub(super) fn new(
        engine: &Arc<Engine>,
        request: &Request,
        seat: Seat,
        arrived: Arrival,
    ) -> Self {
        Self {
            engine: Arc::clone(engine),
            request: request.without_tags(),
            waiter: Waiter::first(seat, arrived),
        }
    }

    /// Waits for the flight to land.
    pub(super) async fn landed(mut self) -> Result<Answer, CacheError> {
        poll_fn(|cx| self.poll_landed(cx)).await
    }

    fn poll_landed(&mut self, cx: &mut Context<'_>) -> Poll<Result<Answer, CacheError>> {
        let terms = self.request.terms();
        let landing = ready!(self.waiter.poll_landing(&self.engine, &terms, cx));
        Poll::Ready(match landing {
            Landing::Answered(result) => result,
            // Only who boarded first can say so, and that is this caller.
            Landing::LookAgain => Err(CacheError::FactoryAborted {
                key: self.request.name(),
            }),
        })
    }
}

/// Waits for the flight to land, and counts a stale answer.
impl Future for Pilot {
    type Output = Result<Answer, CacheError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.poll_landed(cx));
        if let Ok(answer) = &answer {
            self.engine.count_if_stale(&self.request.key, answer);
        }
        Poll::Ready(answer)
    }
}
