//! A flight from its factory's side: run within limits, store what came, or fall back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::SemaphorePermit;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::coherence::Rule;
use crate::entry::Content;
use crate::error::CacheError;
use crate::flow::approach::{Approach, Claimed, PATIENCE};
use crate::flow::changes::SharedChanges;
use crate::flow::engine::named;
use crate::flow::flight::{Flight, Landing};
use crate::flow::loading::Loading;
use crate::flow::many::Failed;
use crate::flow::request::{Answer, Factory, Request};
use crate::flow::store::Loaded;
use crate::flow::timed::Timed;
use crate::flow::{Engine, FactoryContext};
use crate::observe::CacheEvent;
use crate::options::{EntryOptions, Profile};
use crate::outcome::Outcome;

/// Lands the flight of a task that is dropped before its end, so that nobody waits for ever.
struct LandsAnyway {
    engine: Arc<Engine>,
    flight: Arc<Flight>,
}

impl Drop for LandsAnyway {
    fn drop(&mut self) {
        if self.flight.has_landed() || !self.engine.rules.keep(Rule::Panic) {
            return;
        }
        let key = &self.flight.key;
        let aborted = CacheError::FactoryAborted {
            key: named(key.kind(), key.as_ref().text),
        };
        self.engine
            .flights
            .land(&self.flight, Landing::Answered(Err(aborted)));
    }
}

/// How a value was got.
enum Obtained {
    /// Another process had it.
    Answered(Answer),
    /// Another process refreshes it.
    LeftAlone,
    /// The factory brought it, or failed.
    Loaded(Result<Content, CacheError>, Option<Claimed>),
}

impl Engine {
    /// Starts the factory in a task of its own: its callers may leave, and it may outlive them.
    pub(crate) fn take_off(
        self: &Arc<Self>,
        runtime: &Handle,
        flight: &Arc<Flight>,
        request: Request,
        factory: Factory,
        loading: Loading,
    ) {
        let lands = LandsAnyway {
            engine: Arc::clone(self),
            flight: Arc::clone(flight),
        };
        let work = async move {
            let (engine, flight) = (&lands.engine, &lands.flight);
            let landing = {
                // Pinned here and below, before it is handed on: what is moved through several calls has room in
                // each of them.
                let fly = pin!(engine.fly(flight, request, factory, loading));
                engine.ending.run_until_cancelled(fly).await
            };
            if let Some(landing) = landing {
                engine.flights.land(flight, landing);
            }
            drop(lands);
        };
        let span = tracing::info_span!("cache.load", kind = flight.key.kind().name());
        // Owned by `tasks`: `stop` waits for it, and ends it through `ending` at its deadline.
        let task = self.tasks.spawn_on(work.instrument(span), runtime);
        flight.runs_as(task.abort_handle());
    }

    async fn fly(
        self: &Arc<Self>,
        flight: &Arc<Flight>,
        request: Request,
        factory: Factory,
        loading: Loading,
    ) -> Landing {
        let was_stale = self.fallback(&request).is_some();
        let changes = SharedChanges::default();
        let obtained = {
            let obtain = pin!(self.obtain(flight, &request, factory, loading, &changes));
            self.attended(flight, &request, was_stale, obtain).await
        };
        let (result, claimed) = match obtained {
            Obtained::Answered(answer) => return Landing::Answered(Ok(answer)),
            Obtained::LeftAlone => return Landing::LookAgain,
            Obtained::Loaded(result, claimed) => (result, claimed),
        };
        let changes = changes.take();
        let mut request = request;
        let asked = Arc::clone(&request.profile);
        if changes.options != EntryOptions::default() {
            request.profile = Arc::new(Profile {
                // It says where a value stands in the shared store, and readers look there before a factory runs.
                codec: asked.codec,
                ..asked.with(&changes.options)
            });
        }
        request.tags.extend(changes.tags.iter());
        let answer = match result.and_then(|content| request.tags.check().map(|()| content)) {
            Ok(content) => {
                self.counters.factory_successes.add();
                let loaded = Loaded {
                    content,
                    tags: request.tags.clone().into_kept(),
                    validators: changes.validators(),
                };
                let stored = !changes.is_kept_out
                    && self.store_load(flight, &request, &loaded, claimed).await;
                Ok(Answer {
                    content: loaded.content,
                    type_name: request.value_type.name_fn(),
                    outcome: Outcome::miss(was_stale, stored),
                    tags: loaded.tags,
                    tag_clock: flight.tag_clock(),
                    is_private: changes.is_kept_out,
                    source_lag: request.profile.source_lag,
                })
            }
            Err(error) => {
                // The stricter of the two decides: a caller who takes nothing stale is given nothing stale.
                if !asked.fail_safe {
                    Arc::make_mut(&mut request.profile).fail_safe = false;
                }
                self.fall_back(flight, &request, error)
            }
        };
        Landing::Answered(answer)
    }

    /// Gets a value: from other processes, if they have one, else from the factory.
    async fn obtain(
        self: &Arc<Self>,
        flight: &Flight,
        request: &Request,
        factory: Factory,
        loading: Loading,
        changes: &SharedChanges,
    ) -> Obtained {
        let approach = match &self.shared {
            // In a box, here and where a value is offered: each load would carry the room for it, and most need none.
            Some(shared) => Box::pin(self.approach(shared, flight, request)).await,
            None => Approach::Load(None),
        };
        let claimed = match approach {
            Approach::Answered(answer) => return Obtained::Answered(answer),
            Approach::LeaveIt => return Obtained::LeftAlone,
            Approach::Load(claimed) => claimed,
        };
        if !request.is_refresh {
            self.counters.misses.add();
            let key = request.key.as_ref();
            self.events.tell(&key, |key| CacheEvent::Miss { key });
        }
        let cx = FactoryContext {
            key: request.key.printable(),
            physical_key: self.physical_key(&request.key),
            scope: request.key.scope(),
            // Here, since other processes may just have lent theirs.
            stale: self.fallback(request).map(|stale| stale.content),
            old: self.old(request),
            changes: changes.clone(),
            cancellation: CancellationToken::new(),
        };
        let patience = request.profile.factory_soft_limit.unwrap_or(PATIENCE);
        let turn = match flight.is_of_many() {
            // Theirs is one for all of them.
            true => None,
            false => self.turn(patience, &loading).await,
        };
        let run = pin!(async {
            let loaded = self.run(request, factory, cx, loading).await;
            drop(turn);
            loaded
        });
        let timed = Timed::begin(self, flight, request);
        let result = self.within_hard_limit(request, run).await;
        timed.ended(&result);
        Obtained::Loaded(result, claimed)
    }

    /// Waits for a permit to run a factory, for so long at most: it spares the source, and holds up
    /// nobody for ever. One that another factory waits for needs none, since the two could wait for
    /// each other.
    pub(super) async fn turn(
        &self,
        patience: Duration,
        loading: &Loading,
    ) -> Option<SemaphorePermit<'_>> {
        if loading.is_nested() {
            return None;
        }
        timeout(patience, self.factories.acquire()).await.ok()?.ok()
    }

    /// Past the soft limit, if there is something stale, callers are told, and what they wait for
    /// goes on behind them.
    async fn attended<T>(
        &self,
        flight: &Arc<Flight>,
        request: &Request,
        has_stale: bool,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        if let (Some(soft), true) = (request.profile.factory_soft_limit, has_stale) {
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = sleep(soft) => {
                    self.counters.background_loads.add();
                    flight.go_on_unattended();
                    flight.is_late();
                }
            }
        }
        work.await
    }

    /// Past the hard limit a factory is dropped.
    async fn within_hard_limit(
        &self,
        request: &Request,
        run: Pin<&mut impl Future<Output = Result<Content, CacheError>>>,
    ) -> Result<Content, CacheError> {
        let Some(hard) = request.profile.factory_hard_limit else {
            return run.await;
        };
        timeout(hard, run).await.unwrap_or_else(|_| {
            self.counters.factory_timeouts.add();
            Err(CacheError::FactoryTimeout {
                key: request.name(),
                limit: hard,
            })
        })
    }

    /// Runs a factory in the scope of its key, and turns a panic into an error.
    async fn run(
        &self,
        request: &Request,
        factory: Factory,
        cx: FactoryContext,
        loading: Loading,
    ) -> Result<Content, CacheError> {
        let (old, changes) = (cx.old.clone(), cx.changes.clone());
        // Dropped before the factory has answered, by whatever: what it left running is told.
        let unanswered = cx.cancellation.clone().drop_guard();
        let mut ended = None;
        let work = async {
            // The factory may panic before its first await, too.
            let mut run = Box::pin(async move { factory(cx).await });
            let run = std::future::poll_fn(|cx| {
                if !self.rules.keep(Rule::Panic) {
                    return run.as_mut().poll(cx).map(Ok);
                }
                // A factory that panicked is never polled again, so nothing that it left half-done
                // is seen.
                catch_unwind(AssertUnwindSafe(|| run.as_mut().poll(cx)))
                    .map_or_else(|panic| Poll::Ready(Err(panic)), |poll| poll.map(Ok))
            });
            ended = Some(loading.enter(run).await);
        };
        self.scope.enter(request.key.scope(), Box::pin(work)).await;
        if let Some(Ok(_)) = &ended {
            unanswered.disarm();
        }
        let error = match ended {
            Some(Ok(Ok(content))) => return Ok(content),
            Some(Ok(Err(source))) => match changes.kept(old, &source) {
                Some(content) => return Ok(content),
                None => Failed::told(request.name(), source),
            },
            Some(Err(panic)) => CacheError::FactoryPanicked {
                key: request.name(),
                message: panic_message(panic.as_ref()),
            },
            None => CacheError::FactoryAborted {
                key: request.name(),
            },
        };
        self.counters.factory_failures.add();
        Err(error)
    }
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
