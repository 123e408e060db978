//! Asking the shared store for many keys at once, before a flight begins for any of them.

use std::sync::Arc;

use futures_util::future::{join, join_all};

use crate::clock::Tick;
use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::consult::{Basis, Consulted};
use crate::flow::flight::Flight;
use crate::flow::loading::Loading;
use crate::flow::request::{Answer, Request};
use crate::flow::shared::Shared;

/// What is known of a key before it goes aboard.
pub(super) enum Scouted {
    /// Nothing has to be loaded: this process or the store has it, or it must not be asked for.
    Answered(Result<Answer, CacheError>),
    Needed(Needed),
}

/// A key that has to be loaded, unless somebody else does.
pub(super) struct Needed {
    pub(super) loading: Loading,
    /// Whether the store answered, if it was asked.
    is_answered: Option<bool>,
    /// What it knew then.
    basis: Option<Basis>,
}

impl Needed {
    /// Tells the flight what the store said before it began.
    pub(super) fn tell(&self, flight: &Flight) {
        if let Some(basis) = self.basis {
            flight.rest_on(basis);
        }
        if let Some(is_answered) = self.is_answered {
            flight.was_consulted(is_answered);
        }
    }
}

impl Engine {
    /// Finds out what has to be loaded, in the order of the requests. In the caller's own time: a read of
    /// what the store has takes no flight, and nothing is left of it where the caller leaves.
    pub(super) async fn scout(self: &Arc<Self>, requests: &[Request]) -> Vec<Scouted> {
        let regained = self.regain_many(requests).await;
        let mut scouted: Vec<Scouted> = requests
            .iter()
            .zip(regained)
            .map(|(request, regained)| self.begin_scouting(request, regained))
            .collect();
        if let Some(shared) = &self.shared {
            self.scout_store(shared, requests, &mut scouted).await;
        }
        scouted
    }

    fn begin_scouting(self: &Arc<Self>, request: &Request, regained: Option<Answer>) -> Scouted {
        if let Some(answer) = regained {
            return Scouted::Answered(Ok(answer));
        }
        let loading = request
            .tags
            .check()
            .and_then(|()| Loading::begin(self, &request.key));
        match loading {
            Ok(loading) => Scouted::Needed(Needed {
                loading,
                is_answered: None,
                basis: None,
            }),
            Err(error) => Scouted::Answered(Err(error)),
        }
    }

    /// Asks the store for what is missing.
    async fn scout_store(
        self: &Arc<Self>,
        shared: &Shared,
        requests: &[Request],
        scouted: &mut [Scouted],
    ) {
        // Who has something stale is kept waiting for less long.
        let (mut stale, mut cold) = (Vec::new(), Vec::new());
        for (place, (request, one)) in requests.iter().zip(&*scouted).enumerate() {
            if matches!(one, Scouted::Needed(_)) {
                let asked = match self.fallback(request) {
                    Some(_) => &mut stale,
                    None => &mut cold,
                };
                asked.push((place, request));
            }
        }
        let (of_stale, of_cold) = join(
            self.ask_store(shared, &stale, true),
            self.ask_store(shared, &cold, false),
        )
        .await;
        let asked = stale.into_iter().chain(cold);
        let answers = of_stale.into_iter().chain(of_cold);
        for ((place, request), consulted) in asked.zip(answers) {
            let hit = consulted.hit;
            let answer = hit.and_then(|hit| self.accept_hit(shared, None, request, &hit));
            match (answer, scouted.get_mut(place)) {
                (Some(answer), Some(one)) => {
                    self.l1.missed(&request.key);
                    *one = Scouted::Answered(Ok(answer));
                }
                (None, Some(Scouted::Needed(needed))) => {
                    needed.is_answered = Some(consulted.is_answered);
                    needed.basis = consulted.basis;
                }
                _ => {}
            }
        }
    }

    async fn ask_store(
        self: &Arc<Self>,
        shared: &Shared,
        asked: &[(usize, &Request)],
        has_stale: bool,
    ) -> Vec<Consulted> {
        let until = self.clock.now().after(shared.l2.read_limit(has_stale));
        let requests: Vec<&Request> = asked.iter().map(|(_, request)| *request).collect();
        self.consult_many(shared, &requests, until).await
    }

    /// What L1 has after all, where the lease was over and could be regained.
    async fn regain_many(self: &Arc<Self>, requests: &[Request]) -> Vec<Option<Answer>> {
        if self.shared.is_none() || self.fences.lease.holds(self.clock.now()) {
            return requests.iter().map(|_| None).collect();
        }
        join_all(
            requests
                .iter()
                .map(|request| Box::pin(self.regain(request, Tick::NEVER))),
        )
        .await
    }
}
