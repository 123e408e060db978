//! A read that L1 could not answer, from its caller's side: join the flight of the key, or begin one.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::clock::Tick;
use crate::coherence::{Permit, Validity};
use crate::entry::Content;
use crate::error::{BoxError, CacheError};
use crate::flow::approach::PATIENCE;
use crate::flow::engine::named;
use crate::flow::flight::{Boarding, Flight, Landing, News, Seat};
use crate::flow::loading::Loading;
use crate::flow::look::Found;
use crate::flow::many::Member;
use crate::flow::runtime::runtime;
use crate::flow::{Engine, FactoryContext};
use crate::key::StoredKey;
use crate::observe::CacheEvent;
use crate::options::Profile;
use crate::outcome::{Level, Outcome};
use crate::scope::BoxFuture;
use crate::tag::{Tag, Tags};
use crate::value::ValueType;

/// A factory without its types.
pub(crate) type Factory =
    Box<dyn FnOnce(FactoryContext) -> BoxFuture<'static, Result<Content, BoxError>> + Send>;

/// What a caller asks for.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) key: StoredKey,
    pub(crate) profile: Profile,
    pub(crate) value_type: ValueType,
    pub(crate) tags: Tags,
    /// Whether "there is none" is an answer.
    pub(crate) takes_absent: bool,
    /// What to give in place of an error where there is nothing stale.
    pub(crate) default: Option<Content>,
    /// Whether what is kept is fresh, and is refreshed early.
    pub(crate) is_refresh: bool,
}

/// What a caller gets.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) content: Content,
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) outcome: Outcome,
    /// The tags of the value, and the tag clock before it was loaded.
    pub(crate) tags: Option<Arc<[Tag]>>,
    pub(crate) tag_clock: u64,
    /// Whether the factory kept it out of the cache: it is for the caller whose factory it was.
    pub(crate) is_private: bool,
    /// How far the source may lag that it was loaded from, as its caller or its factory said.
    pub(crate) source_lag: Duration,
}

/// When a caller came.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    at: Tick,
    tag_clock: u64,
}

/// How much longer than a factory's hard limit its callers wait: the factory's own end, which knows
/// more, should come first.
const GRACE: Duration = Duration::from_millis(50);

impl Request {
    /// The key as errors name it.
    pub(crate) fn name(&self) -> String {
        named(self.key.kind(), self.key.as_ref().text)
    }

    /// What its caller gives in place of an error, if anything.
    pub(crate) fn default(&self) -> Option<Answer> {
        let content = self.default.clone().filter(|_| self.profile.fail_safe)?;
        Some(Answer {
            content,
            type_name: self.value_type.name_fn(),
            outcome: Outcome::stale(Level::L1),
            tags: None,
            tag_clock: u64::MAX,
            is_private: false,
            source_lag: Duration::ZERO,
        })
    }

    /// Whether an answer is one to this request.
    pub(crate) fn takes(&self, answer: &Answer) -> bool {
        (self.takes_absent || matches!(answer.content, Content::Value(_)))
            && (self.profile.fail_safe || !answer.outcome.is_stale())
    }
}

impl Engine {
    /// Answers a request that L1 could not.
    pub(crate) async fn load(
        self: Arc<Self>,
        request: Request,
        factory: Factory,
    ) -> Result<Answer, CacheError> {
        let key = request.key.clone();
        let answer = self.board(request, factory).await?;
        if let Outcome::Hit { level, stale: true } = answer.outcome {
            self.counters.stale_hits.add();
            self.tell_hit(&key.as_ref(), level, true);
        }
        Ok(answer)
    }

    pub(super) async fn board(
        self: &Arc<Self>,
        request: Request,
        factory: Factory,
    ) -> Result<Answer, CacheError> {
        request.tags.check()?;
        let runtime = runtime()?;
        let loading = Loading::begin(self, &request)?;
        if let Some(answer) = self.regain(&request, Tick::NEVER).await {
            return Ok(answer);
        }
        let arrived = self.arrive();
        self.l1.missed(&request.key);
        loop {
            let boarding = self.flights.board(
                &request.key,
                request.profile.factory_hard_limit,
                |flight| self.may_join(flight, &request),
                || self.origin(),
            );
            match boarding {
                Boarding::First(seat) => {
                    return self.pilot(&runtime, seat, request, factory, loading).await;
                }
                Boarding::Joined(seat) => {
                    if let Some(result) = self.ride(&seat, &request, arrived).await {
                        return result;
                    }
                    if let Some(answer) = self.look_again(&request) {
                        return Ok(answer);
                    }
                }
            }
        }
    }

    /// Refreshes an entry behind its caller, unless its key is being loaded already.
    pub(crate) fn refresh_behind(self: &Arc<Self>, request: Request, factory: Factory) {
        self.refresh_behind_as(None, request, factory);
    }

    /// The same, for one of many that are refreshed together.
    pub(super) fn refresh_behind_as(
        self: &Arc<Self>,
        member: Option<Arc<Member>>,
        request: Request,
        factory: Factory,
    ) {
        let request = Request {
            is_refresh: true,
            ..request
        };
        let (Ok(runtime), Ok(loading)) = (Handle::try_current(), Loading::begin(self, &request))
        else {
            return;
        };
        let Ok(_token) = self.begin() else { return };
        let flight =
            self.flights
                .begin_unattended(&request.key, request.profile.factory_hard_limit, || {
                    self.origin()
                });
        if let Some(flight) = flight {
            self.counters.eager_refreshes.add();
            let key = request.key.as_ref();
            self.events
                .tell(&key, |key| CacheEvent::EagerRefresh { key });
            if let Some(member) = member {
                flight.goes_with(member);
            }
            self.take_off(&runtime, &flight, request, factory, loading);
        }
    }

    /// Notes when a caller came.
    pub(super) fn arrive(&self) -> Arrival {
        Arrival {
            at: self.clock.now(),
            tag_clock: self.purges.clock(),
        }
    }

    /// Whether a caller that comes now may wait for this flight: it must not, if something that it
    /// belongs to was invalidated since it began.
    pub(super) fn may_join(&self, flight: &Flight, request: &Request) -> bool {
        let now = self.clock.now();
        let permit = Permit::to_join(self.rules, now, self.fences.lease.holds(now));
        if !permit.covers(self.own_until(flight)) {
            return false;
        }
        // It takes the lock of a stripe under that of the flights; nobody takes them the other way.
        //
        // Alone, nothing may be given that a lagging source said a moment ago, and a flight for each
        // caller would storm it: they wait for the one in the air, and share the next.
        if self.shared.is_some()
            && let Some(until) = self.lagging_as_asked(flight, request)
            && until <= now
        {
            return false;
        }
        if flight.tag_clock() == self.purges.clock() {
            return true;
        }
        let key = request.key.as_ref();
        let is_valid = |tags: &[Tag]| {
            self.purges
                .look(&*self.scope, &key, tags, flight.tag_clock())
                == Validity::Valid
        };
        // Its tags are those of the request and, as far as one can tell, those of its last value.
        let tags: Vec<Tag> = request.tags.iter().cloned().collect();
        is_valid(&tags)
            && self
                .l1
                .read(&key, |kept| is_valid(kept.tags.as_deref().unwrap_or(&[])))
                .unwrap_or(true)
    }

    /// Begins the flight, and waits for it.
    async fn pilot(
        self: &Arc<Self>,
        runtime: &Handle,
        seat: Seat,
        request: Request,
        factory: Factory,
        loading: Loading,
    ) -> Result<Answer, CacheError> {
        // Between this caller's look and its boarding, another flight may have landed.
        if let Some(answer) = self.look_again(&request) {
            self.flights.land(&seat.flight, Landing::LookAgain);
            return Ok(answer);
        }
        let token = self.begin();
        if let Err(stopped) = token {
            self.flights.land(&seat.flight, Landing::LookAgain);
            return Err(stopped);
        }
        self.take_off(runtime, &seat.flight, request.clone(), factory, loading);
        drop(token);
        match self.wait(&seat, &request).await {
            Landing::Answered(result) => result,
            // Only who boarded first can say so, and that is this caller.
            Landing::LookAgain => Err(CacheError::FactoryAborted {
                key: request.name(),
            }),
        }
    }

    /// Waits for a flight that another caller began. `None`: its end is no answer to this request.
    pub(super) async fn ride(
        &self,
        seat: &Seat,
        request: &Request,
        arrived: Arrival,
    ) -> Option<Result<Answer, CacheError>> {
        let answer = match self.wait(seat, request).await {
            Landing::LookAgain => return None,
            // It was dropped with its runtime, which need not be this caller's.
            Landing::Answered(Err(CacheError::FactoryAborted { .. }))
                if self.check_running().is_ok() =>
            {
                return None;
            }
            Landing::Answered(Err(error)) => {
                return Some(
                    self.fallback(request)
                        .or_else(|| request.default())
                        .ok_or(error),
                );
            }
            Landing::Answered(Ok(answer)) => answer,
        };
        if answer.is_private
            || !request.takes(&answer)
            || self.is_outdated(&answer, request, arrived.tag_clock)
            || self.is_lagging(&seat.flight, &answer, request, arrived.at)
        {
            return None;
        }
        self.counters.joins.add();
        Some(Ok(Answer {
            outcome: answer.outcome.collapsed(),
            ..answer
        }))
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

    /// Waits for a flight to land: if it is slow, only where there is nothing stale to give, and
    /// for no longer than the request's own hard limit. A flight whose runtime is not driven any
    /// more would keep its callers for ever.
    pub(super) async fn wait(&self, seat: &Seat, request: &Request) -> Landing {
        let landing = async {
            match seat.wait(false).await {
                News::Landed(landing) => return landing,
                News::Slow => {
                    if let Some(stale) = self.fallback(request) {
                        return Landing::Answered(Ok(stale));
                    }
                }
            }
            match seat.wait(true).await {
                News::Landed(landing) => landing,
                News::Slow => Landing::LookAgain,
            }
        };
        let Some(limit) = request.profile.factory_hard_limit else {
            return landing.await;
        };
        let limit_with_grace = limit.saturating_add(GRACE).saturating_add(self.detour());
        if let Ok(landing) = timeout(limit_with_grace, landing).await {
            return landing;
        }
        if seat.flight.limit.is_some_and(|own| own <= limit) {
            // It should have ended by itself.
            seat.close_flight();
        }
        let fallback = self.fallback(request).or_else(|| request.default());
        Landing::Answered(fallback.ok_or(CacheError::FactoryTimeout {
            key: request.name(),
            limit,
        }))
    }

    /// Whether a flight began before its passenger came, and something that hides its value from
    /// those who come later was purged since: a tag, say, that nobody could know then.
    fn is_outdated(&self, answer: &Answer, request: &Request, arrived: u64) -> bool {
        if answer.tag_clock >= arrived {
            return false;
        }
        let tags = answer.tags.as_deref().unwrap_or(&[]);
        let validity =
            self.purges
                .look(&*self.scope, &request.key.as_ref(), tags, answer.tag_clock);
        match validity {
            Validity::Valid => false,
            // A stale answer says that it is one.
            Validity::Expired => !answer.outcome.is_stale(),
            Validity::Removed => true,
        }
    }

    /// What L1 has for a request by now. A fresh answer counts as a hit.
    pub(crate) fn look_again(&self, request: &Request) -> Option<Answer> {
        if !request.profile.l1_read {
            return None;
        }
        let found = self.look_as(&request.key.as_ref(), false, || request.profile.serve_stale);
        let (kept, outcome) = match found {
            Found::Fresh(kept) | Found::Eager(kept) => (kept, Outcome::hit(Level::L1)),
            Found::Stale {
                kept,
                throttled: true,
            } => (kept, Outcome::stale(Level::L1)),
            Found::Stale { .. } | Found::Nothing => return None,
        };
        let answer = Answer {
            content: kept.content,
            type_name: kept.type_name,
            outcome,
            // For this caller alone, who looked just now.
            tags: None,
            tag_clock: u64::MAX,
            is_private: false,
            source_lag: Duration::ZERO,
        };
        let answer = Some(answer).filter(|answer| request.takes(answer))?;
        if !answer.outcome.is_stale() {
            self.counters.hit();
            self.tell_hit(&request.key.as_ref(), Level::L1, false);
        }
        Some(answer)
    }
}
