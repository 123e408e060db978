//! Many keys loaded together: each on a flight of its own, with one factory for those that are missing.
//!
//! ```text
//! ask the store for all of them at once -> found: that is the answer, and no flight begins
//!                                       -> not:   board its flight, without waiting
//!                                                 -> joined: wait for the other flight
//!                                                 -> begun:  go on as a load of one key does; where that runs
//!                                                            its factory, it joins the group, which runs one
//! ```
//!
//! Whatever holds for the load of one key holds here, since it is one. Nobody waits for another flight
//! before its own keys are on their way, so that two loads of the same keys never wait for each other.

mod consult;
mod group;
mod put;
mod scout;

use std::future::poll_fn;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::runtime::Handle;

use crate::entry::Content;
use crate::error::{BoxError, CacheError};
use crate::flow::flight::Landing;
use crate::flow::flights::Boarding;
use crate::flow::load::Pilot;
use crate::flow::loading::Loading;
use crate::flow::many::group::{Boarders, Group};
use crate::flow::many::scout::{Needed, Scouted};
use crate::flow::request::{Answer, Request};
use crate::flow::runtime::runtime;
use crate::flow::wait::Waiter;
use crate::flow::{Engine, FactoryContext};
use crate::key::StoredKey;
use crate::scope::BoxFuture;

pub(crate) use self::group::{Failed, Member};

/// A factory of many keys without its types: what it brings of each, in the order of what is missing.
pub(crate) type ManyFactory =
    Arc<dyn Fn(Vec<Missing>) -> BoxFuture<'static, Result<Vec<Content>, BoxError>> + Send + Sync>;

/// A key that is missing, and what its factory is told.
pub(crate) struct Missing {
    pub(crate) key: StoredKey,
    pub(crate) cx: FactoryContext,
}

/// How a key came aboard.
enum Boarded {
    Answered(Result<Answer, CacheError>),
    /// On a flight that began for this call.
    Began(Pilot),
    /// On another caller's.
    Joined(Waiter),
}

impl Engine {
    /// Answers requests that L1 could not, each of another key, in their order.
    pub(crate) async fn load_many(
        self: Arc<Self>,
        requests: Vec<Request>,
        factory: ManyFactory,
    ) -> Result<Vec<Result<Answer, CacheError>>, CacheError> {
        let runtime = runtime()?;
        let scouted = self.scout(&requests).await;
        // Held to the last boarding: `stop` waits for what has begun before it.
        let running = self.begin()?;
        let group = Group::open(&self, &runtime, factory);
        let mut answers = Vec::with_capacity(requests.len());
        let mut waits = Vec::new();
        for (place, (request, scouted)) in requests.into_iter().zip(scouted).enumerate() {
            let boarded = match scouted {
                Scouted::Answered(answer) => Boarded::Answered(answer),
                Scouted::Needed(needed) => self.board_one(&runtime, &group, &request, needed),
            };
            answers.push(match boarded {
                Boarded::Answered(answer) => {
                    if let Ok(answer) = &answer {
                        self.count_if_stale(&request.key, answer);
                    }
                    Some(answer)
                }
                boarded => {
                    waits.push(self.wait_for_one(place, &group, request, boarded));
                    None
                }
            });
        }
        group.all_aboard();
        drop(running);
        for (place, answer) in join_all(waits).await {
            if let Some(answered) = answers.get_mut(place) {
                *answered = Some(answer);
            }
        }
        // Each place was filled, by the scout or by a flight.
        Ok(answers.into_iter().flatten().collect())
    }

    /// Refreshes entries behind their callers, but those that are being loaded already.
    pub(crate) fn refresh_many(self: &Arc<Self>, requests: Vec<Request>, factory: ManyFactory) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let group = Group::open(self, &runtime, factory);
        for request in requests {
            if let Ok(loading) = Loading::begin(self, &request.key) {
                let (member, factory) = group.member(&request, &loading);
                self.refresh_behind_as(Some(member), request, factory);
            }
        }
        group.all_aboard();
    }

    /// Joins the flight of a key, or begins one; it does not wait.
    fn board_one(
        self: &Arc<Self>,
        runtime: &Handle,
        group: &Boarders,
        request: &Request,
        needed: Needed,
    ) -> Boarded {
        let arrived = self.arrive(&request.key, runtime.clone());
        let seat = match self.find_seat(&request.key, &request.profile, &request.tags) {
            Boarding::Joined(seat) => return Boarded::Joined(Waiter::joined(seat, arrived)),
            Boarding::First(seat) => seat,
        };
        // Between this caller's look and its boarding, another flight may have landed.
        if let Some(answer) = self.look_again(request) {
            self.flights.land(&seat.flight, Landing::LookAgain);
            return Boarded::Answered(Ok(answer));
        }
        needed.tell(&seat.flight);
        let loading = needed.loading;
        let (member, factory) = group.member(request, &loading);
        seat.flight.goes_with(member);
        self.take_off(runtime, &seat.flight, request.clone(), factory, loading);
        Boarded::Began(Pilot::new(self, request, seat, arrived))
    }

    /// Waits for the answer of a key, which has its place among those of the call.
    async fn wait_for_one(
        self: &Arc<Self>,
        place: usize,
        group: &Boarders,
        request: Request,
        boarded: Boarded,
    ) -> (usize, Result<Answer, CacheError>) {
        let key = request.key.clone();
        let answer = match boarded {
            Boarded::Answered(answer) => answer,
            Boarded::Began(pilot) => pilot.landed().await,
            Boarded::Joined(mut waiter) => {
                let ride = poll_fn(|cx| waiter.poll_answer(self, &request.terms(), cx));
                match ride.await {
                    Some(answer) => answer,
                    None => {
                        drop(waiter);
                        self.load_late(group, request).await
                    }
                }
            }
        };
        if let Ok(answer) = &answer {
            self.count_if_stale(&key, answer);
        }
        (place, answer)
    }

    /// Loads a key that another caller was loading, to no use for this one.
    async fn load_late(
        self: &Arc<Self>,
        group: &Boarders,
        request: Request,
    ) -> Result<Answer, CacheError> {
        if let Some(answer) = self.look_again(&request) {
            return Ok(answer);
        }
        let loading = Loading::begin(self, &request.key)?;
        let (member, factory) = group.member(&request, &loading);
        member.is_late();
        // In a box, as it is seldom: what the others take along stays small.
        Box::pin(self.load_uncounted(request, factory)).await
    }
}
