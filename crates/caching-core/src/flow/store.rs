//! What is put into L1, always under the one rule.

use std::sync::Arc;

use crate::coherence::{Asof, StripeGuard, Validity};
use crate::entry::{Content, Entry, Freshness, Lifetime};
use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::flight::Flight;
use crate::flow::load::Answer;
use crate::flow::look::{Found, Kept};
use crate::key::StoredKey;
use crate::options::Profile;
use crate::outcome::{Level, Outcome};
use crate::tag::Tag;
use crate::value::ValueType;

impl Engine {
    /// Stores what a load brought, unless its key was invalidated since the load began.
    pub(crate) fn store_load(
        &self,
        flight: &Flight,
        profile: &Profile,
        content: &Content,
        value_type: ValueType,
        tags: Option<Arc<[Tag]>>,
    ) -> bool {
        let entry = self.entry(
            profile,
            content.clone(),
            value_type,
            flight.asof,
            tags,
            flight.tag_clock,
        );
        let stripe = self.fences.lock(flight.key.hash());
        if !stripe.admits(flight.asof) {
            self.counters.refused_stores.add();
            return false;
        }
        self.keep(&stripe, &flight.key, entry)
    }

    /// Puts an entry in place, or, where its life is over at once, takes away what was there.
    pub(crate) fn keep(&self, stripe: &StripeGuard<'_>, key: &StoredKey, entry: Entry) -> bool {
        let now = self.clock.now();
        if entry.lifetime.fresh_until <= now {
            self.l1.remove(stripe, key);
            return false;
        }
        self.counters.stores.add();
        self.l1.put(stripe, key, entry, now);
        true
    }

    pub(crate) fn entry(
        &self,
        profile: &Profile,
        content: Content,
        value_type: ValueType,
        asof: Asof,
        tags: Option<Arc<[Tag]>>,
        tag_clock: u64,
    ) -> Entry {
        let jitter = if profile.jitter.is_zero() {
            0.0
        } else {
            fastrand::f64()
        };
        let lifetime = Lifetime::of(profile, &content, self.clock.now(), jitter);
        Entry::new(
            content,
            value_type.name_fn(),
            lifetime,
            asof,
            tags,
            tag_clock,
        )
    }

    /// The stale value that may be given in place of an error, if there is one.
    pub(crate) fn fallback(&self, key: &StoredKey, profile: &Profile) -> Option<Kept> {
        if !profile.fail_safe {
            return None;
        }
        let (key, now) = (key.as_ref(), self.clock.now());
        self.l1
            .read(&key, |entry| {
                let usable = entry.lifetime.freshness(now) != Freshness::Expired
                    && self.purges.judge(&key, entry) != Validity::Removed
                    && matches!(entry.content, Content::Value(_));
                usable.then(|| Kept {
                    content: entry.content.clone(),
                    type_name: entry.type_name,
                })
            })
            .flatten()
    }

    /// Answers with what is kept in place of an error; a stale value then counts, labelled, for the
    /// length of the throttle.
    pub(crate) fn fall_back(
        &self,
        flight: &Flight,
        profile: &Profile,
        error: CacheError,
    ) -> Result<Answer, CacheError> {
        tracing::warn!(kind = flight.key.kind().name(), %error, "a factory failed");
        // A failed early refresh: the value is fresh still, and stays as it is.
        if let Found::Fresh(kept) = self.look(&flight.key.as_ref(), false)
            && matches!(kept.content, Content::Value(_))
        {
            return Ok(Answer::kept(kept, Outcome::hit(Level::L1)));
        }
        let stripe = self.fences.lock(flight.key.hash());
        let Some(kept) = self.fallback(&flight.key, profile) else {
            return Err(error);
        };
        if stripe.admits(flight.asof) {
            let now = self.clock.now();
            self.l1.replace(&stripe, &flight.key, now, |entry| {
                Some(entry.throttled(now, profile.throttle))
            });
        }
        Ok(Answer::kept(kept, Outcome::stale(Level::L1)))
    }
}
