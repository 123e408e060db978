//! A load: the factory within its limits, and what becomes of its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use crate::coherence::Validity;
use crate::entry::Content;
use crate::error::{BoxError, CacheError};
use crate::flow::context::SharedChanges;
use crate::flow::engine::named;
use crate::flow::flight::{Boarding, Flight, Seat};
use crate::flow::look::{Found, Kept};
use crate::flow::{Engine, FactoryContext};
use crate::key::StoredKey;
use crate::options::Profile;
use crate::outcome::{Level, Outcome};
use crate::scope::BoxFuture;
use crate::tag::{Tag, Tags};
use crate::value::ValueType;

/// A factory without its types.
pub(crate) type Factory =
    Box<dyn FnOnce(FactoryContext) -> BoxFuture<'static, Result<Content, BoxError>> + Send>;

/// What a caller asks for.
pub(crate) struct Request {
    pub(crate) key: StoredKey,
    pub(crate) profile: Profile,
    pub(crate) value_type: ValueType,
    pub(crate) factory: Factory,
    pub(crate) tags: Tags,
    /// Whether "there is none" is an answer.
    pub(crate) takes_absent: bool,
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
}

impl Answer {
    pub(crate) fn kept(kept: Kept, outcome: Outcome) -> Self {
        Self {
            content: kept.content,
            type_name: kept.type_name,
            outcome,
            tags: None,
            tag_clock: u64::MAX,
        }
    }

    fn satisfies(&self, takes_absent: bool) -> bool {
        takes_absent || matches!(self.content, Content::Value(_))
    }
}

/// Lands the flight of a task that is dropped before its end, so that nobody waits for ever.
struct LandsAnyway {
    engine: Arc<Engine>,
    flight: Arc<Flight>,
}

impl Drop for LandsAnyway {
    fn drop(&mut self) {
        if self.flight.has_landed() {
            return;
        }
        let key = &self.flight.key;
        let aborted = CacheError::FactoryAborted {
            key: named(key.kind(), key.as_ref().text),
        };
        self.engine.flights.land(&self.flight, Err(aborted));
    }
}

impl Engine {
    /// Answers a request that L1 could not: joins the flight of its key, or begins one.
    pub(crate) async fn load(self: Arc<Self>, request: Request) -> Result<Answer, CacheError> {
        request.tags.check()?;
        let runtime = Handle::try_current().map_err(|_| CacheError::NoRuntime)?;
        let arrived = self.purges.clock();
        self.l1.missed(&request.key);
        loop {
            let boarding = self.flights.board(
                &request.key,
                |flight| self.may_join(flight, &request),
                || (self.fences.asof(), self.purges.clock()),
            );
            match boarding {
                Boarding::First(seat) => return self.pilot(&runtime, seat, request).await,
                Boarding::Joined(seat) => {
                    let answer = seat.wait().await?;
                    if !answer.satisfies(request.takes_absent)
                        || self.is_outdated(&answer, &request, arrived)
                    {
                        // At most once more: a flight that begins after this caller came suits it.
                        continue;
                    }
                    self.counters.joins.add();
                    return Ok(Answer {
                        outcome: answer.outcome.collapsed(),
                        ..answer
                    });
                }
            }
        }
    }

    /// Refreshes an entry behind its caller, unless its key is being loaded already.
    pub(crate) fn refresh_behind(self: &Arc<Self>, request: Request) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let flight = self
            .flights
            .begin_unattended(&request.key, || (self.fences.asof(), self.purges.clock()));
        if let Some(flight) = flight {
            self.counters.eager_refreshes.add();
            self.take_off(&runtime, &flight, request);
        }
    }

    /// Whether a caller that comes now may wait for this flight: it must not, if something that it
    /// belongs to was invalidated since it began.
    fn may_join(&self, flight: &Flight, request: &Request) -> bool {
        let tags: Vec<Tag> = request.tags.iter().cloned().collect();
        flight.tag_clock == self.purges.clock()
            || self
                .purges
                .look(&request.key.as_ref(), &tags, flight.tag_clock)
                == Validity::Valid
    }

    /// Whether a flight began before its passenger came, and a tag of its value, which nobody could
    /// know then, was purged since.
    fn is_outdated(&self, answer: &Answer, request: &Request, arrived: u64) -> bool {
        answer.tag_clock < arrived
            && self.purges.look(
                &request.key.as_ref(),
                answer.tags.as_deref().unwrap_or(&[]),
                answer.tag_clock,
            ) != Validity::Valid
    }

    async fn pilot(
        self: &Arc<Self>,
        runtime: &Handle,
        seat: Seat,
        request: Request,
    ) -> Result<Answer, CacheError> {
        // Between this caller's look and its boarding, another flight may have landed.
        if let Some(answer) = self.look_again(&request) {
            self.flights.land(&seat.flight, Ok(answer.clone()));
            return Ok(answer);
        }
        self.counters.misses.add();
        self.take_off(runtime, &seat.flight, request);
        seat.wait().await
    }

    fn look_again(&self, request: &Request) -> Option<Answer> {
        match self.look(&request.key.as_ref(), false) {
            Found::Fresh(kept) | Found::Eager(kept) => {
                let answer = Answer::kept(kept, Outcome::hit(Level::L1));
                answer.satisfies(request.takes_absent).then_some(answer)
            }
            Found::Stale { .. } | Found::Nothing => None,
        }
    }

    /// Starts the factory in a task of its own: its callers may leave, and it may outlive them.
    fn take_off(self: &Arc<Self>, runtime: &Handle, flight: &Arc<Flight>, request: Request) {
        let lands = LandsAnyway {
            engine: Arc::clone(self),
            flight: Arc::clone(flight),
        };
        let work = async move {
            let (engine, flight) = (&lands.engine, &lands.flight);
            let fly = engine.fly(flight, request);
            if let Some(result) = engine.ending.run_until_cancelled(fly).await {
                engine.flights.land(flight, result);
            }
            drop(lands);
        };
        // Owned by `tasks`: `stop` waits for it, and ends it through `ending` at its deadline.
        let task = self.tasks.spawn_on(work.in_current_span(), runtime);
        flight.runs_as(task.abort_handle());
    }

    async fn fly(&self, flight: &Arc<Flight>, request: Request) -> Result<Answer, CacheError> {
        let Request {
            key,
            profile,
            value_type,
            factory,
            tags,
            ..
        } = request;
        let fallback = self.fallback(&key, &profile);
        let was_stale = fallback.is_some();
        let changes = SharedChanges::default();
        let cx = FactoryContext {
            key: key.printable(),
            physical_key: self.physical_key(&key),
            scope: key.scope(),
            stale: fallback.as_ref().map(|kept| kept.content.clone()),
            changes: changes.clone(),
        };
        let run = self.within_limits(flight, &profile, fallback, self.run(&key, factory, cx));
        let result = run.await;

        let changes = changes.take();
        let profile = profile.with(&changes.options);
        match result {
            Ok(content) => {
                self.counters.factory_successes.add();
                let mut tags = tags;
                tags.extend(changes.tags.iter());
                tags.check()?;
                let tags = tags.into_kept();
                let stored = !changes.is_kept_out
                    && self.store_load(flight, &profile, &content, value_type, tags.clone());
                Ok(Answer {
                    content,
                    type_name: value_type.name_fn(),
                    outcome: Outcome::miss(was_stale, stored),
                    tags,
                    tag_clock: flight.tag_clock,
                })
            }
            Err(error) => self.fall_back(flight, &profile, error),
        }
    }

    /// Runs a factory within its limits: past the soft one its callers get the fallback, if there
    /// is one, and it goes on behind them; past the hard one it is dropped.
    async fn within_limits(
        &self,
        flight: &Arc<Flight>,
        profile: &Profile,
        fallback: Option<Kept>,
        run: impl Future<Output = Result<Content, CacheError>>,
    ) -> Result<Content, CacheError> {
        let attended = async {
            let mut run = std::pin::pin!(run);
            if let (Some(soft), Some(fallback)) = (profile.factory_soft_limit, fallback) {
                tokio::select! {
                    biased;
                    result = &mut run => return result,
                    () = sleep(soft) => {
                        self.counters.background_loads.add();
                        flight.go_on_unattended();
                        flight.answer_early(Answer::kept(fallback, Outcome::stale(Level::L1)));
                    }
                }
            }
            run.await
        };
        let Some(hard) = profile.factory_hard_limit else {
            return attended.await;
        };
        timeout(hard, attended).await.unwrap_or_else(|_| {
            self.counters.factory_timeouts.add();
            Err(CacheError::FactoryTimeout {
                key: named(flight.key.kind(), flight.key.as_ref().text),
                limit: hard,
            })
        })
    }

    /// Runs a factory in the scope of its key, and turns a panic into an error.
    async fn run(
        &self,
        key: &StoredKey,
        factory: Factory,
        cx: FactoryContext,
    ) -> Result<Content, CacheError> {
        let named = || named(key.kind(), key.as_ref().text);
        let mut ended = None;
        let work = async {
            // The factory may panic before its first await, too.
            let mut loading = Box::pin(async move { factory(cx).await });
            ended = Some(
                std::future::poll_fn(|cx| {
                    // A factory that panicked is never polled again, so nothing that it left
                    // half-done is seen.
                    catch_unwind(AssertUnwindSafe(|| loading.as_mut().poll(cx)))
                        .map_or_else(|panic| Poll::Ready(Err(panic)), |poll| poll.map(Ok))
                })
                .await,
            );
        };
        self.scope.enter(key.scope(), Box::pin(work)).await;
        match ended {
            Some(Ok(Ok(content))) => Ok(content),
            Some(Ok(Err(source))) => {
                self.counters.factory_failures.add();
                Err(CacheError::Factory {
                    key: named(),
                    source: source.into(),
                })
            }
            Some(Err(panic)) => {
                self.counters.factory_failures.add();
                Err(CacheError::FactoryPanicked {
                    key: named(),
                    message: panic_message(panic.as_ref()),
                })
            }
            None => Err(CacheError::FactoryAborted { key: named() }),
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
