//! Before a factory runs: what other processes have loaded, and whose turn it is to load.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::flow::Engine;
use crate::flow::consult::Consulted;
use crate::flow::flight::Flight;
use crate::flow::hit::Hit;
use crate::flow::request::{Answer, Request};
use crate::flow::shared::Shared;
use crate::key::KeyName;
use crate::level::{Address, Claim};
use crate::outcome::Level;

/// How long to wait for another process' load where the profile has no soft limit.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How long the first look after another process' load waits; each one after it twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(5);

/// The longest wait between two looks.
const LAST_LOOK: Duration = Duration::from_millis(80);

/// What is to be done about a miss.
pub(crate) enum Approach {
    /// Nothing: here is the answer.
    Answered(Answer),
    /// Run the factory; with the right to, unless the store could not be asked for it.
    Load(Option<Claimed>),
    /// Nothing: what is kept is fresh, and another process refreshes it.
    LeaveIt,
}

/// The right to load a record, which is given back in the end.
pub(crate) struct Claimed {
    engine: Arc<Engine>,
    runtime: Handle,
    name: KeyName,
    field: String,
    claim: Option<Claim>,
}

impl Claimed {
    /// The claim, for a fill that gives it back by itself.
    pub(crate) fn take(mut self) -> Option<Claim> {
        self.claim.take()
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else {
            return;
        };
        let (engine, name, field) = (
            Arc::clone(&self.engine),
            self.name.clone(),
            std::mem::take(&mut self.field),
        );
        // Owned by `tasks`; where it is lost, the claim ends with its time.
        self.engine.tasks.spawn_on(
            async move {
                if let Some(shared) = &engine.shared {
                    let address = Address::new(shared.partition, &name, &field);
                    let _ = shared.l2.release(address, claim).await;
                }
            },
            &self.runtime,
        );
    }
}

impl Engine {
    /// Asks the shared store for the value, and for the right to load it.
    pub(crate) async fn approach(
        self: &Arc<Self>,
        shared: &Shared,
        flight: &Flight,
        request: &Request,
    ) -> Approach {
        let has_stale = request.is_refresh || self.fallback(request).is_some();
        let until = self.clock.now().after(shared.l2.read_limit(has_stale));
        let consulted = match flight.consulted() {
            None => self.consult(shared, request, until).await,
            Some(is_answered) => Consulted {
                is_answered,
                ..Consulted::default()
            },
        };
        let is_claimable = consulted.is_answered
            && request.profile.l2_write
            // What it brings stays here: no use for others to wait for it.
            && self
                .lagging_until(
                    flight,
                    request.profile.source_lag,
                    request.tags.as_slice(),
                )
                .is_none();
        if let Some(answer) = self.accept(shared, flight, request, consulted) {
            return Approach::Answered(answer);
        }
        let Ok(runtime) = Handle::try_current() else {
            return Approach::Load(None);
        };
        if !is_claimable {
            return Approach::Load(None);
        }
        let claim = Claim::new(fastrand::u64(..));
        let claimed = Claimed {
            engine: Arc::clone(self),
            runtime,
            name: self.name_of(&request.key),
            field: self.field(shared, &request.key, request.value_type, &request.profile),
            claim: None,
        };
        self.take_turn(shared, flight, request, has_stale, claimed, claim)
            .await
    }

    async fn take_turn(
        self: &Arc<Self>,
        shared: &Shared,
        flight: &Flight,
        request: &Request,
        has_stale: bool,
        mut claimed: Claimed,
        claim: Claim,
    ) -> Approach {
        let patience = request.profile.factory_soft_limit.unwrap_or(PATIENCE);
        let begun = self.clock.now();
        let at_most = request.profile.factory_hard_limit.unwrap_or(PATIENCE * 5);
        let mut pause = FIRST_LOOK;
        loop {
            let address = Address::new(shared.partition, &claimed.name, &claimed.field);
            // Set before it is asked for: it may be given, and the answer lost, or not waited for.
            claimed.claim = Some(claim);
            let granted = shared.l2.claim(address, claim, at_most).await;
            let Ok(is_granted) = granted else {
                return Approach::Load(None);
            };
            if !is_granted {
                claimed.claim = None;
                flight.is_held_up();
                if request.is_refresh {
                    return Approach::LeaveIt;
                }
                if self.clock.now().since(begun) >= patience {
                    // For efficiency only: a process that takes so long, or died, holds up nobody.
                    return Approach::Load(None);
                }
                sleep(pause).await;
                pause = (pause * 2).min(LAST_LOOK);
            }
            // Whoever had the right before may have filled it meanwhile.
            let until = self.clock.now().after(shared.l2.read_limit(has_stale));
            let consulted = self.consult(shared, request, until).await;
            if let Some(answer) = self.accept(shared, flight, request, consulted) {
                return Approach::Answered(answer);
            }
            if is_granted {
                return Approach::Load(Some(claimed));
            }
        }
    }

    /// Takes what the shared store has for an answer, if it is one; keeps it here in any case.
    fn accept(
        &self,
        shared: &Shared,
        flight: &Flight,
        request: &Request,
        consulted: Consulted,
    ) -> Option<Answer> {
        if let Some(basis) = consulted.basis {
            flight.rest_on(basis);
        }
        let hit = consulted.hit?;
        if !request.is_refresh {
            return self.accept_hit(shared, Some(flight), request, &hit);
        }
        if !self.is_refreshed(request, &hit) {
            // It is what is kept already.
            return None;
        }
        self.store_hit(shared, request, Some(flight), &hit);
        // The read that began the refresh has counted as a hit.
        let answer = self.answer_with(request, &hit);
        request.terms().takes(&answer).then_some(answer)
    }

    /// Takes a value of the shared store for the answer to who waits for one, if it is fresh; keeps it here in
    /// any case.
    pub(super) fn accept_hit(
        &self,
        shared: &Shared,
        flight: Option<&Flight>,
        request: &Request,
        hit: &Hit,
    ) -> Option<Answer> {
        self.store_hit(shared, request, flight, hit);
        if !hit.is_fresh {
            return None;
        }
        let answer = self.answer_with(request, hit);
        if !request.terms().takes(&answer) {
            return None;
        }
        self.counters.l2_hit();
        self.tell_hit(&request.key.as_ref(), Level::L2, false);
        Some(answer)
    }
}
