//! Filling the shared store with what a factory brought.

use std::sync::Arc;

use crate::codec::PackContext;
use crate::coherence::Asof;
use crate::entry::{Content, Lifetime, Validators};
use crate::flow::Engine;
use crate::flow::approach::Claimed;
use crate::flow::flight::Flight;
use crate::flow::request::Request;
use crate::flow::shared::Shared;
use crate::flow::store::Loaded;
use crate::key::{KeyName, StoredKey};
use crate::level::{Address, FillAnswer, Record};
use crate::options::Profile;
use crate::tag::Tag;
use crate::value::ValueType;

/// What became of a value that was offered to the shared store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// It is stored there, and holds as of this.
    Stored(Asof),
    /// Something was invalidated since before its load began: it is stored nowhere.
    Refused,
    /// It was not offered, or could not be: what was known when its load began has to do.
    Unshared,
}

impl Engine {
    /// Offers what a load brought to the shared store.
    pub(crate) async fn offer(
        &self,
        shared: &Shared,
        flight: &Flight,
        request: &Request,
        loaded: &Loaded,
        lifetime: Lifetime,
        claimed: Option<Claimed>,
    ) -> Offered {
        let candidate = flight.candidate(flight.asof());
        let Some(asof) = candidate.offered_as_of(self.rules, || self.fences.asof()) else {
            return Offered::Refused;
        };
        let name = self.name_of(&flight.key);
        let Some(tag_clock) = flight.shared_clock() else {
            return Offered::Unshared;
        };
        // A store that is known to be away is not waited for.
        if !request.profile.l2_write
            || !shared.pulse.is_answered()
            || shared.recovery.is_dirty(&name)
        {
            return Offered::Unshared;
        }
        let subject = Subject {
            key: &flight.key,
            name: &name,
            profile: &request.profile,
            value_type: request.value_type,
            validators: loaded.validators.as_deref(),
        };
        let (content, tags) = (&loaded.content, loaded.tags.as_ref());
        let Some(record) = self.record(shared, &subject, content, lifetime, tags, tag_clock) else {
            return Offered::Unshared;
        };
        let field = self.field(shared, &request.key, request.value_type, &request.profile);
        let address = Address::new(shared.partition, &name, &field);
        let claim = claimed.and_then(Claimed::take);
        match shared.l2.fill(address, &record, asof, claim).await {
            Ok(FillAnswer::Stored(at)) => Offered::Stored(at),
            Ok(FillAnswer::Refused(at)) => {
                if at.epoch != self.fences.asof().epoch {
                    self.distrust(shared);
                }
                Offered::Refused
            }
            Err(_) => {
                self.counters.l2_failures.add();
                Offered::Unshared
            }
        }
    }

    /// A value as it is stored outside the process; `None` where it never leaves it, or cannot.
    pub(crate) fn record(
        &self,
        shared: &Shared,
        subject: &Subject<'_>,
        content: &Content,
        lifetime: Lifetime,
        tags: Option<&Arc<[Tag]>>,
        tag_clock: u64,
    ) -> Option<Record> {
        let now = self.clock.now();
        if subject.value_type.is_local() || lifetime.fresh_until <= now {
            return None;
        }
        let scope_text = self.scope.text(subject.key.scope());
        let cx = PackContext {
            physical_key: &subject.name.physical(&self.key_prefix),
            scope: subject.key.scope(),
            scope_text: &scope_text,
            value_type: subject.value_type,
            codec: subject.profile.codec,
        };
        let payload = match shared.packer.pack(&cx, content, subject.validators) {
            Ok(payload) => payload,
            Err(error) => {
                self.counters.l2_unshared.add();
                self.unshared.tell(error.kind());
                tracing::debug!(key = %subject.name, %error, "a value stays in this process");
                return None;
            }
        };
        Some(Record {
            payload,
            duration: lifetime.fresh_until.since(now),
            retention: lifetime.retained_until.since(lifetime.fresh_until),
            tags: tags.map(|tags| tags.to_vec()).unwrap_or_default(),
            tag_clock,
        })
    }
}

/// The entry that a record is of.
pub(crate) struct Subject<'a> {
    pub(crate) key: &'a StoredKey,
    pub(crate) name: &'a KeyName,
    pub(crate) profile: &'a Profile,
    pub(crate) value_type: ValueType,
    /// What its source said of the version of the value.
    pub(crate) validators: Option<&'a Validators>,
}
