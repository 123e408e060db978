//! Asking the shared store for many keys at once, before anything is done for each of them.

use std::sync::Arc;

use futures_util::future::join;
use tokio::runtime::Handle;
use tracing::Instrument;

use crate::flow::Engine;
use crate::flow::flight::Landing;
use crate::flow::flights::Seat;
use crate::flow::fly::LandsAnyway;
use crate::flow::loading::Loading;
use crate::flow::request::{Factory, Request};

/// A flight that has begun, and has yet to take off. Dropped, it lands anyway.
pub(super) struct Scouted {
    lands: LandsAnyway,
    request: Request,
    factory: Factory,
    loading: Loading,
}

impl Scouted {
    pub(super) fn new(
        engine: &Arc<Engine>,
        seat: &Seat,
        request: &Request,
        factory: Factory,
        loading: Loading,
    ) -> Self {
        Self {
            lands: LandsAnyway::new(engine, &seat.flight),
            request: request.clone(),
            factory,
            loading,
        }
    }
}

impl Engine {
    /// Asks the store for what the flights are to bring; those for which it has nothing take off.
    ///
    /// In a task of its own, for all of them: others may have joined, and depend on no caller.
    pub(super) fn send_scout(self: &Arc<Self>, runtime: &Handle, scouted: Vec<Scouted>) {
        if scouted.is_empty() {
            return;
        }
        let (engine, on) = (Arc::clone(self), runtime.clone());
        let work = async move {
            // Who has something stale is kept waiting for less long.
            let (stale, cold) = scouted
                .into_iter()
                .partition(|one: &Scouted| engine.fallback(&one.request).is_some());
            let scout = join(
                engine.scout(&on, stale, true),
                engine.scout(&on, cold, false),
            );
            engine.ending.run_until_cancelled(scout).await;
        };
        // Owned by `tasks`: `stop` waits for it, and ends it through `ending` at its deadline. It is over
        // within the limit on reads.
        self.tasks.spawn_on(work.in_current_span(), runtime);
    }

    async fn scout(self: &Arc<Self>, runtime: &Handle, scouted: Vec<Scouted>, has_stale: bool) {
        let Some(shared) = &self.shared else {
            return;
        };
        let until = self.clock.now().after(shared.l2.read_limit(has_stale));
        let requests: Vec<&Request> = scouted.iter().map(|one| &one.request).collect();
        let consulted = self.consult_many(shared, &requests, until).await;
        for (one, consulted) in scouted.into_iter().zip(consulted) {
            let flight = Arc::clone(one.lands.flight());
            let is_answered = consulted.is_answered;
            if let Some(answer) = self.accept(shared, &flight, &one.request, consulted) {
                self.flights.land(&flight, Landing::Answered(Ok(answer)));
                continue;
            }
            flight.was_consulted(is_answered);
            self.take_off_as(runtime, one.lands, one.request, one.factory, one.loading);
            // All may have left before there was a task to end.
            self.flights.end_if_abandoned(&flight);
        }
    }
}
