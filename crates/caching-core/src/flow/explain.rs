//! What is known of a key, without changing anything.

use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::Validity;
use crate::entry::{Content, Entry, Freshness};
use crate::flow::Engine;
use crate::flow::request::Request;
use crate::flow::runtime::usable_runtime;
use crate::key::StoredKey;
use crate::level::{Address, Find};
use crate::observe::{Explanation, KeptHere, KeptThere, Worth};
use crate::tag::Tag;

impl Engine {
    /// What is known of a key. It counts nowhere, marks nothing as used, and begins nothing.
    pub(crate) async fn explain(&self, request: &Request) -> Explanation {
        let now = self.clock.now();
        let (here, can_answer) = self.kept_here(&request.key, now);
        let is_leased = self.fences.lease.holds(now);
        let is_loading = self.flights.is_loading(&request.key);
        let there = self.kept_there(request).await;
        let (get, get_or_set) =
            outlook(request, &here, &there, is_leased || can_answer, is_loading);
        Explanation {
            physical_key: self.physical_key(&request.key),
            lease_left: match &self.shared {
                Some(_) if !is_leased => None,
                Some(_) => Some(self.fences.lease.lapsed_at().since(now)),
                None => Some(Duration::MAX),
            },
            here,
            there,
            is_loading,
            get,
            get_or_set,
        }
    }

    /// What L1 keeps, and whether it may be given without a lease.
    fn kept_here(&self, key: &StoredKey, now: Tick) -> (KeptHere, bool) {
        let read = |entry: &Entry| {
            let kept = KeptHere::Entry {
                worth: self.worth(key, entry, now),
                fresh_for: entry.lifetime.fresh_until.since(now),
                kept_for: entry.lifetime.retained_until.since(now),
                tags: texts(entry.tags.as_deref().unwrap_or(&[])),
                type_name: match entry.content {
                    Content::Value(_) => (entry.type_name)(),
                    Content::Absent => "there is none",
                },
            };
            (kept, now < entry.own_until)
        };
        let kept = self.l1.read(&key.as_ref(), read);
        kept.unwrap_or((KeptHere::Nothing, false))
    }

    fn worth(&self, key: &StoredKey, entry: &Entry, now: Tick) -> Worth {
        let tags = entry.tags.as_deref().unwrap_or(&[]);
        let validity = self
            .purges
            .look(&*self.scope, &key.as_ref(), tags, entry.tag_clock);
        match (validity, entry.lifetime.freshness(now)) {
            (Validity::Removed, _) => Worth::RemovedByPurge,
            (_, Freshness::Expired) => Worth::Over,
            (Validity::Expired, _) => Worth::ExpiredByPurge,
            (Validity::Valid, Freshness::Stale) => Worth::Stale,
            (Validity::Valid, _) if entry.is_fallback => Worth::Throttled,
            (Validity::Valid, Freshness::Eager) => Worth::Eager,
            (Validity::Valid, Freshness::Fresh) => Worth::Fresh,
        }
    }

    async fn kept_there(&self, request: &Request) -> KeptThere {
        let Some(shared) = &self.shared else {
            return KeptThere::NotShared;
        };
        if request.value_type.is_local() || !request.profile.l2_read {
            return KeptThere::LeftOut;
        }
        let name = self.name_of(&request.key);
        if shared.recovery.is_dirty(&name) {
            return KeptThere::Distrusted;
        }
        if usable_runtime().is_none() {
            return KeptThere::Away;
        }
        let field = self.field(shared, &request.key, request.value_type, &request.profile);
        let address = Address::new(shared.partition, &name, &field);
        let limit = shared.l2.read_limit(false);
        match shared
            .l2
            .read(address, limit)
            .await
            .map(|answer| answer.found)
        {
            Err(_) => KeptThere::Away,
            Ok(Find::Nothing) => KeptThere::Nothing,
            Ok(Find::Unreadable(_)) => KeptThere::Unreadable,
            Ok(Find::Record(record)) => KeptThere::Record {
                fresh_for: record.fresh_for,
                kept_for: record.kept_for,
                bytes: record.payload.len(),
                tags: texts(&record.tags),
            },
        }
    }
}

fn texts(tags: &[Tag]) -> Vec<String> {
    tags.iter().map(|tag| tag.as_str().to_owned()).collect()
}

/// What `get` and `get_or_set` would come to.
fn outlook(
    request: &Request,
    here: &KeptHere,
    there: &KeptThere,
    may_give: bool,
    is_loading: bool,
) -> (&'static str, &'static str) {
    let worth = match here {
        KeptHere::Nothing => None,
        KeptHere::Entry { worth, .. } => Some(*worth),
    };
    match worth {
        Some(Worth::Fresh) if may_give => return ("the value", "the value"),
        Some(Worth::Eager) if may_give => {
            return ("the value", "the value, and a refresh behind its caller");
        }
        Some(Worth::Throttled) if may_give && request.profile.fail_safe => {
            return (
                "nothing, or the value if stale ones are allowed",
                "the value, labelled stale",
            );
        }
        _ => {}
    }
    let is_there = matches!(there, KeptThere::Record { fresh_for, .. } if !fresh_for.is_zero());
    if is_there {
        return (
            "the value of the store, unless a purge hides it",
            "the value of the store, unless a purge hides it",
        );
    }
    let can_fall_back = request.profile.fail_safe
        && matches!(
            worth,
            Some(
                Worth::Fresh
                    | Worth::Eager
                    | Worth::Throttled
                    | Worth::Stale
                    | Worth::ExpiredByPurge
            )
        );
    let get = match can_fall_back {
        true => "nothing, or the value if stale ones are allowed",
        false => "nothing",
    };
    let get_or_set = match (is_loading, can_fall_back) {
        (true, _) => "what the factory brings that is running, if it began late enough",
        (false, true) => "what its factory brings, or the stale value if that fails or is slow",
        (false, false) => "what its factory brings",
    };
    (get, get_or_set)
}
