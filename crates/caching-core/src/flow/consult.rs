//! Asking the shared store for a value.

use std::sync::Arc;

use crate::clock::Tick;
use crate::codec::PackContext;
use crate::coherence::{Asof, Candidate, Mode, Question, RecordValidity, Validity, Worth};
use crate::entry::{Content, Entry, Lifetime};
use crate::flow::Engine;
use crate::flow::flight::Flight;
use crate::flow::load::{Answer, Request};
use crate::flow::shared::{Origin, Shared};
use crate::key::{KeyName, StoredKey};
use crate::level::{Address, Find, FoundRecord, PurgedAnswer, ReadAnswer};
use crate::outcome::{Level, Outcome};
use crate::tag::Tag;

/// What the shared store had to say about a key.
#[derive(Default)]
pub(crate) struct Consulted {
    /// The value, fresh or as a fallback.
    pub(crate) hit: Option<Hit>,
    /// What was known there before the record was read, if it fits what is known here: a load that
    /// begins after this knows as much.
    pub(crate) basis: Option<Basis>,
    /// Whether the store answered at all.
    pub(crate) is_answered: bool,
}

/// A number and a time of the tag clock of the shared store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Basis {
    pub(crate) asof: Asof,
    pub(crate) tag_clock: u64,
}

/// A value from the shared store.
#[derive(Clone)]
pub(crate) struct Hit {
    name: KeyName,
    pub(crate) content: Content,
    tags: Option<Arc<[Tag]>>,
    origin: Origin,
    fresh_until: Tick,
    kept_until: Tick,
    pub(crate) is_fresh: bool,
}

impl Engine {
    /// Asks the shared store for the value of a request.
    ///
    /// Nothing is asked while the lease is over and cannot be regained: a server that was deposed
    /// would answer reads for ever.
    pub(crate) async fn consult(
        &self,
        shared: &Shared,
        request: &Request,
        has_stale: bool,
    ) -> Consulted {
        let limits = shared.l2.limits();
        let patience = if has_stale {
            limits.read_soft_limit
        } else {
            limits.read_hard_limit
        };
        let name = self.name_of(&request.key);
        if request.value_type.is_local()
            || !request.profile.l2_read
            || shared.recovery.is_dirty(&name)
            || !self.regain_lease(shared, patience).await
        {
            return Consulted::default();
        }
        let touched = self.lock_stripe(name.stripe()).stripe.touched();
        let origin = self.origin();
        let question = Question {
            known: origin.asof,
            touched,
        };
        let field = self.field(shared, &request.key, request.value_type, &request.profile);
        let address = Address::new(shared.partition, &name, &field);
        let answer = match shared.l2.read(address, has_stale).await {
            Ok(answer) => answer,
            Err(_) => {
                self.counters.l2_failures.add();
                return Consulted::default();
            }
        };
        let Some(at) = self.fitting(shared, &answer, question) else {
            return Consulted {
                is_answered: true,
                ..Consulted::default()
            };
        };
        let origin = Origin { asof: at, ..origin };
        Consulted {
            hit: self.hit(shared, request, name, origin, answer.found).await,
            basis: Some(Basis {
                asof: at,
                tag_clock: answer.tag_clock,
            }),
            is_answered: true,
        }
    }

    /// The number of an answer, if it fits what was known before it was asked for.
    fn fitting(&self, shared: &Shared, answer: &ReadAnswer, question: Question) -> Option<Asof> {
        match question.weigh(self.rules, answer.at, || self.fences.asof()) {
            Worth::Fits(at) => Some(at),
            Worth::Noticed => None,
            Worth::Distrust => {
                self.distrust(shared);
                None
            }
        }
    }

    async fn hit(
        &self,
        shared: &Shared,
        request: &Request,
        name: KeyName,
        origin: Origin,
        found: Find,
    ) -> Option<Hit> {
        let record = match found {
            Find::Record(record) if record.epoch == origin.asof.epoch => record,
            Find::Record(_) | Find::Nothing => return None,
            Find::Unreadable(reason) => {
                self.counters.l2_unreadable.add();
                self.unreadable.tell(reason);
                return None;
            }
        };
        let validity = self.validity(shared, request, &record, origin).await;
        let is_fresh = validity == Validity::Valid && !record.fresh_for.is_zero();
        if validity == Validity::Removed || (!is_fresh && !request.profile.fail_safe) {
            return None;
        }
        let scope_text = self.scope.text(request.key.scope());
        let cx = PackContext {
            physical_key: &name.physical(&self.key_prefix),
            scope: request.key.scope(),
            scope_text: &scope_text,
            value_type: request.value_type,
            codec: request.profile.codec,
        };
        let content = match shared.packer.unpack(&cx, &record.payload) {
            Ok(content) => content,
            Err(error) => {
                self.counters.l2_unreadable.add();
                self.unreadable.tell(error.kind());
                return None;
            }
        };
        let longest = request.profile.longest(&content);
        Some(Hit {
            name,
            content,
            tags: Some(record.tags.into()).filter(|tags: &Arc<[Tag]>| !tags.is_empty()),
            // From before it was asked for: the way back took time, too. What a purge has expired
            // is over, whatever life its record has left.
            fresh_until: match is_fresh {
                // Never longer than it is kept here: the store's clock may have been set back.
                true => origin.begun.after(record.fresh_for.min(longest)),
                false => origin.begun,
            },
            kept_until: origin.begun.after(record.kept_for),
            origin,
            is_fresh,
        })
    }

    /// What the purges leave of a record; for one from before this process came up, the store knows.
    async fn validity(
        &self,
        shared: &Shared,
        request: &Request,
        record: &FoundRecord,
        origin: Origin,
    ) -> Validity {
        let key = request.key.as_ref();
        let judge = || {
            self.purges.judge_record(
                &*self.scope,
                &key,
                &record.tags,
                origin.asof.epoch,
                record.tag_clock,
            )
        };
        if let RecordValidity::Known(validity) = judge() {
            return validity;
        }
        let groups = self.purges.names(&*self.scope, &key, &record.tags);
        let Ok(answer) = shared.l2.purged(shared.partition, &groups).await else {
            return Validity::Removed;
        };
        // What was purged meanwhile has been heard of here, or the read came before it.
        match judge() {
            RecordValidity::Known(validity) => validity,
            RecordValidity::Ask if answer.epoch == Some(record.epoch) => {
                told(&answer, record.tag_clock)
            }
            // It began anew meanwhile, and what it says is of something else.
            RecordValidity::Ask => Validity::Removed,
        }
    }

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
        );
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
        } else if self.l1.read(&request.key.as_ref(), |_| ()).is_none() {
            // As a fallback; what is here already is one, too, and no older.
            self.l1
                .put(&locked.stripe, &request.key, entry, self.clock.now());
        }
    }

    /// The life that is left of a value of the shared store.
    fn lifetime_of(&self, request: &Request, hit: &Hit) -> Lifetime {
        let profile = &request.profile;
        let duration = match hit.content {
            Content::Value(_) => profile.duration,
            Content::Absent => profile.negative_duration,
        };
        let fresh_until = match profile.l1_duration {
            Some(limit) => hit.fresh_until.min(hit.origin.begun.after(limit)),
            None => hit.fresh_until,
        };
        let eager_at = match profile.eager_refresh {
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
                hit.kept_until.max(fresh_until)
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
        }
    }

    /// Whether a refresh that begins now may take this value for one that was just refreshed.
    pub(crate) fn is_refreshed(&self, request: &Request, hit: &Hit) -> bool {
        hit.is_fresh && self.clock.now() < self.lifetime_of(request, hit).eager_at
    }

    /// Drops what is kept of a key that was invalidated as of `at`, unless it is from after that.
    pub(crate) fn drop_older(&self, key: &StoredKey, mode: Mode, at: Asof) {
        let mut locked = self.lock(key);
        locked.stripe.bump(at);
        self.drop_kept(&locked, key, mode, |kept| !kept.asof.is_after(at));
    }
}

/// What the store says of groups, about a record from `tag_clock`.
fn told(answer: &PurgedAnswer, tag_clock: u64) -> Validity {
    if tag_clock < answer.floor || answer.times.iter().any(|times| times.removed > tag_clock) {
        Validity::Removed
    } else if answer.times.iter().any(|times| times.expired > tag_clock) {
        Validity::Expired
    } else {
        Validity::Valid
    }
}
