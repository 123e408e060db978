//! The look into L1: what a hit is.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::{Permit, Rule, Validity};
use crate::entry::{Content, Entry, Freshness};
use crate::flow::Engine;
use crate::key::KeyRef;
use crate::observe::CacheEvent;
use crate::outcome::Level;

/// What a look found.
pub(crate) enum Found {
    /// A value that may be given to anybody.
    Fresh(Kept),
    /// The same, and this caller is the one to refresh it meanwhile.
    Eager(Kept),
    /// A value that may be given to those who asked for a stale one.
    ///
    /// `throttled` says that it was given in place of an error a short while ago, and that the
    /// factory is not to be tried again yet.
    Stale { kept: Kept, throttled: bool },
    /// Nothing.
    Nothing,
}

/// What was found under a key.
pub(crate) struct Kept {
    pub(crate) content: Content,
    pub(crate) type_name: fn() -> &'static str,
}

impl Kept {
    fn of(entry: &Entry) -> Self {
        Self {
            content: entry.content.clone(),
            type_name: entry.type_name,
        }
    }
}

impl Engine {
    /// Looks into L1.
    ///
    /// The lease first, then the look: an old entry must not be approved by a lease that was
    /// renewed after it was found. Only who `can_refresh` is asked to refresh an entry early.
    #[inline]
    pub(crate) fn look(&self, key: &KeyRef<'_>, can_refresh: bool) -> Found {
        self.look_as(key, can_refresh, || {
            self.profiles.resolve(key.kind, None).serve_stale
        })
    }

    /// The same for a call that says for how long it takes stale values after the lease has ended.
    #[inline]
    pub(crate) fn look_as(
        &self,
        key: &KeyRef<'_>,
        can_refresh: bool,
        serve_stale: impl FnOnce() -> Option<Duration>,
    ) -> Found {
        let now = self.now_on_hit();
        let permit = Permit::to_give(self.rules, now, self.fences.lease.holds(now));
        self.l1
            .read(key, |entry| {
                if permit.covers(entry.own_until) || self.is_leased_late() {
                    self.judge(key, entry, now, can_refresh)
                } else if entry.is_revocable {
                    // Nobody knows whether it was revoked.
                    Found::Nothing
                } else {
                    self.judge_lapsed(key, entry, now, serve_stale())
                }
            })
            .unwrap_or(Found::Nothing)
    }

    /// The value of a key, if L1 has a fresh one: all that most reads need, in a few registers.
    ///
    /// Whatever is not plain (no lease, a purge that was not looked for yet, an eager share that has
    /// begun, another type) is nothing here, and [`look`](Self::look) tells what it is. The same order
    /// as there: the lease first.
    #[inline]
    pub(crate) fn plain_hit<V: Send + Sync + 'static>(&self, key: &KeyRef<'_>) -> Option<Arc<V>> {
        let now = self.now_on_hit();
        if !self.rules.keep(Rule::LeaseBeforeLook)
            || !self.fences.lease.holds(now)
            || self.events.is_watched()
        {
            return None;
        }
        let clock = self.purges.clock();
        self.l1.read(key, |entry| {
            if !entry.is_plain(now, clock) {
                return None;
            }
            let Content::Value(value) = &entry.content else {
                return None;
            };
            let value = Arc::clone(value).downcast().ok()?;
            self.l1.touch(key, entry);
            Some(value)
        })?
    }

    /// Tells whoever watches of a read that was answered with what was kept.
    #[inline]
    pub(crate) fn tell_hit(&self, key: &KeyRef<'_>, level: Level, stale: bool) {
        self.events
            .tell(key, |key| CacheEvent::Hit { key, level, stale });
    }

    /// The time by which this very hit is judged: a clock that ticks elsewhere can be starved.
    #[inline]
    fn now_on_hit(&self) -> Tick {
        #[cfg(feature = "switches")]
        if let (Some(shared), false) = (&self.shared, self.rules.keep(Rule::ClockOnHit)) {
            return shared.pulse.ticked();
        }
        self.clock.now()
    }

    /// With the rule left out that the lease comes before the look: whether it holds after it.
    #[inline]
    fn is_leased_late(&self) -> bool {
        !self.rules.keep(Rule::LeaseBeforeLook) && self.fences.lease.holds(self.clock.now())
    }

    /// What an entry is worth while nobody knows what was invalidated meanwhile: to those who asked
    /// for stale values, as much as a stale one.
    #[cold]
    fn judge_lapsed(
        &self,
        key: &KeyRef<'_>,
        entry: &Entry,
        now: Tick,
        stale_for: Option<Duration>,
    ) -> Found {
        if self.is_stopped.load(std::sync::atomic::Ordering::Acquire) {
            return Found::Nothing;
        }
        let lapsed_at = self.fences.lease.lapsed_at();
        match self.judge(key, entry, now, false) {
            Found::Fresh(kept) | Found::Eager(kept) => Found::Stale {
                kept,
                throttled: stale_for.is_some_and(|limit| now < lapsed_at.after(limit)),
            },
            found => found,
        }
    }

    #[inline]
    fn judge(&self, key: &KeyRef<'_>, entry: &Entry, now: Tick, can_refresh: bool) -> Found {
        let freshness = match self.purges.judge(&*self.scope, key, entry) {
            Validity::Valid => match entry.freshness_on_read(now) {
                Freshness::Stale if entry.is_revocable => Freshness::Expired,
                freshness => freshness,
            },
            Validity::Expired if now < entry.lifetime.retained_until && !entry.is_revocable => {
                Freshness::Stale
            }
            Validity::Expired | Validity::Removed => Freshness::Expired,
        };
        if freshness != Freshness::Expired {
            self.l1.touch(key, entry);
        }
        match freshness {
            Freshness::Expired => Found::Nothing,
            Freshness::Stale => Found::Stale {
                kept: Kept::of(entry),
                throttled: false,
            },
            _ if entry.is_fallback => Found::Stale {
                kept: Kept::of(entry),
                throttled: true,
            },
            Freshness::Eager if can_refresh && entry.claim_refresh() => {
                Found::Eager(Kept::of(entry))
            }
            Freshness::Eager | Freshness::Fresh => Found::Fresh(Kept::of(entry)),
        }
    }
}
