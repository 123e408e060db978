//! A value of the shared store, and what is made of it here.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::Candidate;
use crate::entry::{Content, Entry, Freshness, Lifetime, Validators};
use crate::flow::Engine;
use crate::flow::flight::Flight;
use crate::flow::request::{Answer, Request};
use crate::flow::shared::{Origin, Shared};
use crate::key::KeyName;
use crate::outcome::{Level, Outcome};
use crate::tag::Tag;

/// A value from the shared store.
#[derive(Clone)]
pub(crate) struct Hit {
    pub(super) name: KeyName,
    pub(crate) content: Content,
    pub(super) tags: Option<Arc<[Tag]>>,
    /// What its source said of its version.
    pub(super) validators: Option<Arc<Validators>>,
    pub(super) origin: Origin,
    pub(super) fresh_until: Tick,
    pub(super) kept_until: Tick,
    pub(crate) is_fresh: bool,
}

impl Engine {
    /// Keeps a value of the shared store in L1, under the one rule.
    pub(crate) fn store_hit(
        &self,
        shared: &Shared,
        request: &Request,
        flight: Option<&Flight>,
        hit: &Hit,
    ) {
        let name = &hit.name;
        let entry = Entry::new(
            hit.content.clone(),
            request.value_type.name_fn(),
            self.lifetime_of(request, hit),
            hit.origin.asof,
            hit.tags.clone(),
            hit.origin.tag_clock,
        )
        .treated(&request.profile, self.clock.now(), None)
        .validated(hit.validators.clone());
        let locked = self.lock_stripe(name.stripe());
        let candidate = Candidate {
            age: entry.age(),
            is_detached: flight.is_some_and(Flight::is_detached),
        };
        let kept = self.l1.read(&request.key.as_ref(), Entry::age);
        // Dirty: what the store holds of it is from before an own invalidation.
        let is_late = shared.recovery.is_dirty(name) || !locked.stripe.lets_in_hit(candidate, kept);
        if is_late {
            self.counters.refused_stores.add();
        } else if hit.is_fresh {
            self.keep(&locked.stripe, &request.key, entry);
        } else {
            // As a fallback; what is here already is one, too, and no older, unless its own life is over.
            let now = self.clock.now();
            let is_over = |kept: &Entry| kept.lifetime.freshness(now) == Freshness::Expired;
            if self.l1.read(&request.key.as_ref(), is_over).unwrap_or(true) {
                self.l1.put(&locked.stripe, &request.key, entry, now);
            }
        }
    }

    /// The life that is left of a value of the shared store.
    fn lifetime_of(&self, request: &Request, hit: &Hit) -> Lifetime {
        let profile = &request.profile;
        let duration = match hit.content {
            Content::Value(_) => profile.duration,
            Content::Absent => profile.negative_duration,
        };
        let fresh_until = match profile.l1_duration() {
            Some(limit) => hit.fresh_until.min(hit.origin.begun.after(limit)),
            None => hit.fresh_until,
        };
        let eager_at = match profile.eager_share() {
            // As much before its end as where it was loaded.
            Some(share) => hit
                .fresh_until
                .before(duration.saturating_sub(duration.mul_f64(share))),
            None => Tick::NEVER,
        };
        Lifetime {
            eager_at,
            fresh_until,
            retained_until: if profile.fail_safe {
                let kept_until = match profile.l1_retention() {
                    Some(limit) => hit.kept_until.min(hit.origin.begun.after(limit)),
                    None => hit.kept_until,
                };
                kept_until.max(fresh_until)
            } else {
                fresh_until
            },
        }
    }

    /// The answer that a value of the shared store is.
    pub(crate) fn answer_with(&self, request: &Request, hit: &Hit) -> Answer {
        Answer {
            content: hit.content.clone(),
            type_name: request.value_type.name_fn(),
            outcome: if hit.is_fresh {
                Outcome::hit(Level::L2)
            } else {
                Outcome::stale(Level::L2)
            },
            tags: hit.tags.clone(),
            tag_clock: hit.origin.tag_clock,
            is_private: false,
            // What a lagging source said is not stored there.
            source_lag: Duration::ZERO,
        }
    }

    /// Whether a refresh that begins now may take this value for one that was just refreshed.
    pub(crate) fn is_refreshed(&self, request: &Request, hit: &Hit) -> bool {
        hit.is_fresh && self.clock.now() < self.lifetime_of(request, hit).eager_at
    }
}
