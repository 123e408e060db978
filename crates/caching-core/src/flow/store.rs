//! What is put into L1, always under the one rule.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::{Asof, Rule, StripeGuard, Validity};
use crate::entry::{Content, Entry, Freshness, Lifetime, Validators};
use crate::error::CacheError;
use crate::flow::Engine;
use crate::flow::approach::Claimed;
use crate::flow::changes::Old;
use crate::flow::engine::Locked;
use crate::flow::flight::Flight;
use crate::flow::look::Found;
use crate::flow::offer::Offered;
use crate::flow::request::{Answer, Request, Terms};
use crate::key::StoredKey;
use crate::observe::CacheEvent;
use crate::options::Profile;
use crate::outcome::{Level, Outcome};
use crate::tag::Tag;
use crate::value::ValueType;

/// What a load brought.
pub(crate) struct Loaded {
    pub(crate) content: Content,
    pub(crate) tags: Option<Arc<[Tag]>>,
    /// What its source said of the version of the value.
    pub(crate) validators: Option<Arc<Validators>>,
}

impl Engine {
    /// Stores what a load brought, there and here, unless its key was invalidated since the load
    /// began.
    pub(crate) async fn store_load(
        &self,
        flight: &Flight,
        request: &Request,
        loaded: &Loaded,
        claimed: Option<Claimed>,
    ) -> bool {
        let entry = self.entry(
            &request.profile,
            loaded.content.clone(),
            request.value_type,
            flight.asof(),
            loaded.tags.clone(),
            self.load_clock(flight),
        );
        let of_tags = loaded.tags.as_deref().unwrap_or(&[]);
        let lag = request.profile.source_lag;
        let is_lagging = self.lagging_until(flight, lag, of_tags).is_some();
        let offered = match &self.shared {
            Some(shared) if !is_lagging => {
                let life = entry.lifetime;
                Box::pin(self.offer(shared, flight, request, loaded, life, claimed)).await
            }
            _ => Offered::Unshared,
        };
        let asof = match offered {
            Offered::Stored(at) => at,
            Offered::Unshared => flight.asof(),
            Offered::Refused => {
                self.counters.refused_stores.add();
                return false;
            }
        };
        let now = self.clock.now();
        let load = now.since(flight.begun());
        let mut entry = entry
            .known_as_of(asof)
            .treated(&request.profile, now, Some(load))
            .validated(loaded.validators.clone())
            .within(&request.profile, now)
            .owned_until(self.own_until(flight));
        let locked = self.lock(&flight.key);
        let candidate = flight.candidate(asof);
        let kept = self.l1.read(&flight.key.as_ref(), Entry::age);
        if !locked.stripe.lets_in(candidate, kept) {
            self.counters.refused_stores.add();
            return false;
        }
        // Once more: something may have been heard of since.
        if let Some(until) = self.lagging_under(&locked, flight, lag, of_tags) {
            self.counters.lagging_loads.add();
            if until <= now {
                // What is kept, if anything is, is no worse.
                return false;
            }
            entry = entry.ending_at(until);
        }
        self.keep(&locked.stripe, &flight.key, entry)
    }

    /// The tag clock that counts for a load: the one before it began.
    fn load_clock(&self, flight: &Flight) -> u64 {
        match self.rules.keep(Rule::TagClock) {
            true => flight.tag_clock(),
            false => self.purges.clock(),
        }
    }

    /// Until when what a flight brings may be given without a lease: nothing that was invalidated
    /// since it began is older than the bound by then.
    pub(crate) fn own_until(&self, flight: &Flight) -> Tick {
        match &self.shared {
            Some(shared) => flight.begun().after(shared.bound()),
            None => Tick::ZERO,
        }
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
        let jitter = profile.jitter.map_or(0.0, |_| fastrand::f64());
        let now = (self.clock.now(), self.clock.today());
        let lifetime = Lifetime::of(profile, &content, now, jitter);
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
    pub(crate) fn fallback(&self, request: &Request) -> Option<Answer> {
        self.stale(&request.key, &request.terms())
    }

    /// The same for one who waits.
    pub(crate) fn stale(&self, key: &StoredKey, terms: &Terms<'_>) -> Option<Answer> {
        if !terms.profile.fail_safe {
            return None;
        }
        let (key, now) = (key.as_ref(), self.clock.now());
        self.l1
            .read(&key, |entry| {
                let usable = entry.lifetime.freshness(now) != Freshness::Expired
                    && self.purges.judge(&*self.scope, &key, entry) != Validity::Removed
                    && !entry.is_revocable
                    && matches!(&entry.content, Content::Value(value) if terms.value_type.is_of(value));
                usable.then(|| Answer {
                    content: entry.content.clone(),
                    type_name: entry.type_name,
                    outcome: Outcome::stale(Level::L1),
                    tags: entry.tags.clone(),
                    tag_clock: entry.tag_clock,
                    is_private: false,
                    source_lag: Duration::ZERO,
                })
            })
            .flatten()
    }

    /// What is left of the last value, to be kept if its source says that it has not changed.
    ///
    /// It may be stale, and, where it is about to be refreshed, fresh: nobody is given it before the source
    /// has said so.
    pub(crate) fn old(&self, request: &Request) -> Option<Old> {
        let (key, now) = (request.key.as_ref(), self.clock.now());
        self.l1
            .read(&key, |entry| {
                let is_there = entry.lifetime.freshness(now) != Freshness::Expired
                    && match self.purges.judge(&*self.scope, &key, entry) {
                        Validity::Valid => true,
                        Validity::Expired => !entry.is_revocable,
                        Validity::Removed => false,
                    }
                    && matches!(&entry.content, Content::Value(value) if request.value_type.is_of(value));
                is_there.then(|| Old {
                    content: entry.content.clone(),
                    tags: entry.tags.clone(),
                    validators: entry.validators(),
                })
            })
            .flatten()
    }

    /// Answers with what is kept in place of an error; a stale value then counts, labelled, for the
    /// length of the throttle.
    pub(crate) fn fall_back(
        &self,
        flight: &Flight,
        request: &Request,
        error: CacheError,
    ) -> Result<Answer, CacheError> {
        // The first one of a minute loudly; while a source is away, there is one a request.
        let kind = flight.key.kind().name();
        self.failing.tell_why(kind, || error.cause());
        tracing::debug!(kind, %error, "a factory failed");
        let answer = self.fall_back_on(flight, request, error);
        if answer.is_ok() {
            let key = flight.key.as_ref();
            self.events.tell(&key, |key| CacheEvent::FailSafe { key });
        }
        answer
    }

    fn fall_back_on(
        &self,
        flight: &Flight,
        request: &Request,
        error: CacheError,
    ) -> Result<Answer, CacheError> {
        let locked = self.lock(&flight.key);
        let Some(stale) = self.fallback(request) else {
            return self.default(&locked, flight, request).ok_or(error);
        };
        // A failed early refresh, or a newer load that landed meanwhile: it is fresh, and stays so.
        if let Found::Fresh(_) = self.look(&flight.key.as_ref(), false) {
            let now = self.clock.now();
            self.l1.replace(&locked.stripe, &flight.key, now, |entry| {
                // The failure of a load that is no refresh says nothing of when one is due.
                let retry_at = now.after(request.profile.throttle);
                request.is_refresh.then(|| entry.refreshable_at(retry_at))
            });
            return Ok(Answer {
                outcome: Outcome::hit(Level::L1),
                ..stale
            });
        }
        if locked.stripe.admits(flight.asof()) && !flight.is_detached() {
            let now = self.clock.now();
            self.l1.replace(&locked.stripe, &flight.key, now, |entry| {
                Some(entry.throttled(now, request.profile.throttle, flight.tag_clock()))
            });
        }
        Ok(stale)
    }

    /// What the caller gives in place of an error; it then counts, labelled, for the length of the throttle.
    fn default(&self, locked: &Locked<'_>, flight: &Flight, request: &Request) -> Option<Answer> {
        let answer = request.terms().default()?;
        if locked.stripe.admits(flight.asof()) && !flight.is_detached() {
            let (now, throttle) = (self.clock.now(), request.profile.throttle);
            let entry = self.entry(
                &request.profile,
                answer.content.clone(),
                request.value_type,
                flight.asof(),
                None,
                flight.tag_clock(),
            );
            let entry = entry
                .treated(&request.profile, now, None)
                .within(&request.profile, now)
                .throttled(now, throttle, flight.tag_clock())
                .ending_at(now.after(throttle));
            self.keep(&locked.stripe, &flight.key, entry);
        }
        Some(answer)
    }
}
