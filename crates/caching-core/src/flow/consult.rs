//! Asking the shared store for a value.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;
use crate::codec::{PackContext, Unpacked};
use crate::coherence::{Asof, Question, RecordValidity, Validity, Worth};
use crate::flow::Engine;
use crate::flow::hit::Hit;
use crate::flow::request::Request;
use crate::flow::shared::{Origin, Shared};
use crate::key::KeyName;
use crate::level::{Address, Find, FoundRecord, L2Error, PurgedAnswer, ReadAnswer};

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

/// A record of this epoch, and what was known when it was asked for.
pub(super) struct FoundHere {
    name: KeyName,
    origin: Origin,
    record: FoundRecord,
}

/// What can be said here of what was found.
pub(super) enum Appraised {
    Known(Option<Hit>),
    /// It is from before the purges that are known here.
    Old(Box<FoundHere>),
}

impl Engine {
    /// Asks the shared store for the value of a request.
    ///
    /// Whatever it takes to ask ends in time. Nothing is asked while the lease is over and cannot be
    /// regained: a server that was deposed would answer reads for ever.
    pub(crate) async fn consult(
        self: &Arc<Self>,
        shared: &Shared,
        request: &Request,
        until: Tick,
    ) -> Consulted {
        let name = self.name_of(&request.key);
        if request.value_type.is_local()
            || !request.profile.l2_read
            || shared.recovery.is_dirty(&name)
            || !self.regain_lease(shared, self.left(until)).await
            || self.left(until).is_zero()
        {
            return Consulted::default();
        }
        let touched = self.fences.lock(name.stripe()).touched();
        let origin = self.origin();
        let question = Question {
            known: origin.asof,
            touched,
        };
        let Ok(answer) = self.read_record(shared, request, &name, until).await else {
            self.counters.l2_failures.add();
            return Consulted::default();
        };
        let Some(at) = self.fitting(shared, &answer, question) else {
            return Consulted {
                is_answered: true,
                ..Consulted::default()
            };
        };
        let basis = Some(Basis {
            asof: at,
            tag_clock: answer.tag_clock,
        });
        let origin = Origin { asof: at, ..origin };
        let hit = match self.appraise(shared, request, name, origin, answer.found) {
            Appraised::Known(hit) => hit,
            // In a box, as it is seldom: what a read takes along stays small.
            Appraised::Old(old) => Box::pin(self.ask_of_purges(shared, request, old, until)).await,
        };
        Consulted {
            hit,
            basis,
            is_answered: true,
        }
    }

    /// How long may yet be waited: what is asked for no time at all would fail, whatever the store does.
    pub(super) fn left(&self, until: Tick) -> Duration {
        until.since(self.clock.now())
    }

    async fn read_record(
        &self,
        shared: &Shared,
        request: &Request,
        name: &KeyName,
        until: Tick,
    ) -> Result<ReadAnswer, L2Error> {
        let field = self.field(shared, &request.key, request.value_type, &request.profile);
        let address = Address::new(shared.partition, name, &field);
        shared.l2.read(address, self.left(until)).await
    }

    /// The number of an answer, if it fits what was known before it was asked for.
    pub(super) fn fitting(
        &self,
        shared: &Shared,
        answer: &ReadAnswer,
        question: Question,
    ) -> Option<Asof> {
        match question.weigh(self.rules, answer.at, || self.fences.asof()) {
            Worth::Fits(at) => Some(at),
            Worth::Noticed => None,
            Worth::Distrust => {
                self.distrust(shared);
                None
            }
        }
    }

    /// What was found, as far as that can be told here.
    pub(super) fn appraise(
        &self,
        shared: &Shared,
        request: &Request,
        name: KeyName,
        origin: Origin,
        found: Find,
    ) -> Appraised {
        let record = match found {
            Find::Record(record) if record.epoch == origin.asof.epoch => record,
            Find::Record(_) | Find::Nothing => return Appraised::Known(None),
            Find::Unreadable(reason) => {
                self.counters.l2_unreadable.add();
                self.unreadable.tell(reason);
                return Appraised::Known(None);
            }
        };
        let validity = self.judge_record(request, &record, origin);
        let found = FoundHere {
            name,
            origin,
            record,
        };
        match validity {
            RecordValidity::Known(validity) => {
                Appraised::Known(self.hit(shared, request, found, validity))
            }
            RecordValidity::Ask => Appraised::Old(Box::new(found)),
        }
    }

    /// What a record is, and until when.
    fn hit(
        &self,
        shared: &Shared,
        request: &Request,
        found: FoundHere,
        validity: Validity,
    ) -> Option<Hit> {
        let FoundHere {
            name,
            origin,
            record,
        } = found;
        let is_fresh = validity == Validity::Valid && !record.fresh_for.is_zero();
        if validity == Validity::Removed || (!is_fresh && !request.profile.fail_safe) {
            return None;
        }
        let cx = PackContext {
            physical_key: &name.physical(&self.key_prefix),
            scope: request.key.scope(),
            scope_text: name.scope(),
            value_type: request.value_type,
            codec: request.profile.codec,
        };
        let Unpacked {
            content,
            validators,
        } = match shared.packer.unpack(&cx, &record.payload) {
            Ok(unpacked) => unpacked,
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
            validators: validators.map(Arc::new),
            tags: (!record.tags.is_empty()).then(|| record.tags.into()),
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

    /// What the purges leave of a record, as far as they are known here.
    fn judge_record(
        &self,
        request: &Request,
        record: &FoundRecord,
        origin: Origin,
    ) -> RecordValidity {
        self.purges.judge_record(
            &*self.scope,
            &request.key.as_ref(),
            &record.tags,
            origin.asof.epoch,
            record.tag_clock,
        )
    }

    /// What a record is from before this process came up: the store knows what was purged since.
    pub(super) async fn ask_of_purges(
        &self,
        shared: &Shared,
        request: &Request,
        old: Box<FoundHere>,
        until: Tick,
    ) -> Option<Hit> {
        let FoundHere { record, origin, .. } = &*old;
        let key = request.key.as_ref();
        let groups = self.purges.names(&*self.scope, &key, &record.tags);
        let left = self.left(until);
        if left.is_zero() {
            return None;
        }
        let asked = shared.l2.purged(shared.partition, &groups, left);
        let answer = asked.await.ok()?;
        // What was purged meanwhile has been heard of here, or the read came before it.
        let validity = match self.judge_record(request, record, *origin) {
            RecordValidity::Known(validity) => validity,
            RecordValidity::Ask if answer.epoch == Some(record.epoch) => {
                told(&answer, record.tag_clock)
            }
            // It began anew meanwhile, and what it says is of something else.
            RecordValidity::Ask => Validity::Removed,
        };
        self.hit(shared, request, *old, validity)
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
