//! An entry of L1, and what it is worth at a point in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::{Age, Asof};
use crate::options::Profile;
use crate::tag::Tag;
use crate::value::AnyValue;

/// What an entry is worth.
///
/// | | before the duration | after it |
/// | --- | --- | --- |
/// | within the retention | `Fresh`, from the eager share on `Eager` | `Stale` |
/// | past the retention | | `Expired` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It may be given to anybody.
    Fresh,
    /// It may be given to anybody, and should be refreshed meanwhile.
    Eager,
    /// It may be given to those who asked for a stale value.
    Stale,
    /// It may be given to nobody.
    Expired,
}

/// What is kept: a value, or the knowledge that there is none.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Value(AnyValue),
    Absent,
}

/// The times of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    pub(crate) eager_at: Tick,
    pub(crate) fresh_until: Tick,
    pub(crate) retained_until: Tick,
}

impl Lifetime {
    /// The life of what a profile stores now; `jitter` is a share between 0 and 1.
    pub(crate) fn of(profile: &Profile, content: &Content, now: Tick, jitter: f64) -> Self {
        let duration = match content {
            Content::Value(_) => profile.duration,
            Content::Absent => profile.negative_duration,
        };
        // Zero means "keep nothing", however much is added at random to what is kept.
        let duration = if duration.is_zero() {
            duration
        } else {
            duration.saturating_add(profile.jitter.mul_f64(jitter))
        };
        let fresh_until = now.after(duration);
        Self {
            eager_at: profile
                .eager_refresh
                .map_or(Tick::NEVER, |share| now.after(duration.mul_f64(share))),
            fresh_until,
            retained_until: if profile.fail_safe {
                fresh_until.max(now.after(profile.retention))
            } else {
                fresh_until
            },
        }
    }

    pub(crate) fn freshness(&self, now: Tick) -> Freshness {
        if now < self.fresh_until {
            if now < self.eager_at {
                Freshness::Fresh
            } else {
                Freshness::Eager
            }
        } else if now < self.retained_until {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }

    /// How long the entry takes up room, from now on.
    pub(crate) fn remaining(&self, now: Tick) -> Duration {
        self.retained_until.since(now)
    }
}

/// One entry of L1.
///
/// It is replaced, never changed, but for the marks at its end, which are hints.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) content: Content,
    /// The name of the value's type, for messages.
    pub(crate) type_name: fn() -> &'static str,
    pub(crate) lifetime: Lifetime,
    /// Whether the value is one that was given in place of an error; it stays labelled stale.
    pub(crate) is_fallback: bool,
    /// What the load knew when it began.
    pub(crate) asof: Asof,
    pub(crate) tags: Option<Arc<[Tag]>>,
    /// The tag clock before the load began: purges after it count.
    pub(crate) tag_clock: u64,
    /// Until when the entry may be given without a lease: the bound on staleness after its load
    /// began, where it came from the source itself.
    pub(crate) own_until: Tick,
    /// Tells this entry from every other that its key ever had.
    pub(crate) generation: u64,
    /// The tag clock at which the tags were last found valid.
    checked_clock: AtomicU64,
    is_touched: AtomicBool,
    is_refreshing: AtomicBool,
}

impl Entry {
    pub(crate) fn new(
        content: Content,
        type_name: fn() -> &'static str,
        lifetime: Lifetime,
        asof: Asof,
        tags: Option<Arc<[Tag]>>,
        tag_clock: u64,
    ) -> Self {
        Self {
            content,
            type_name,
            lifetime,
            is_fallback: false,
            asof,
            tags,
            tag_clock,
            own_until: Tick::ZERO,
            generation: 0,
            checked_clock: AtomicU64::new(tag_clock),
            is_touched: AtomicBool::new(false),
            is_refreshing: AtomicBool::new(false),
        }
    }

    /// How old it is, as far as that is known.
    pub(crate) fn age(&self) -> Age {
        Age {
            asof: self.asof,
            tag_clock: self.tag_clock,
        }
    }

    /// The same entry, known to hold as of this.
    pub(crate) fn known_as_of(self, asof: Asof) -> Self {
        Self { asof, ..self }
    }

    /// The same entry, to be given without a lease until then.
    pub(crate) fn owned_until(self, own_until: Tick) -> Self {
        Self { own_until, ..self }
    }

    /// The same entry, fresh and kept in this process for no longer than its profile lets it.
    pub(crate) fn within(mut self, profile: &Profile, now: Tick) -> Self {
        let life = &mut self.lifetime;
        if let Some(limit) = profile.l1_duration {
            life.fresh_until = life.fresh_until.min(now.after(limit));
        }
        if let Some(limit) = profile.l1_retention {
            let until = life.retained_until.min(now.after(limit));
            life.retained_until = until.max(life.fresh_until);
        }
        self
    }

    /// The same entry, of which nothing is left from then on.
    pub(crate) fn ending_at(mut self, until: Tick) -> Self {
        self.lifetime.fresh_until = self.lifetime.fresh_until.min(until);
        self.lifetime.retained_until = self.lifetime.retained_until.min(until);
        self
    }

    /// The same value with another life.
    pub(crate) fn with_lifetime(&self, lifetime: Lifetime) -> Self {
        Self {
            is_fallback: self.is_fallback,
            own_until: self.own_until,
            ..Self::new(
                self.content.clone(),
                self.type_name,
                lifetime,
                self.asof,
                self.tags.clone(),
                self.tag_clock,
            )
        }
    }

    /// The same value, to be refreshed early from this time on.
    pub(crate) fn refreshable_at(&self, eager_at: Tick) -> Self {
        self.with_lifetime(Lifetime {
            eager_at,
            ..self.lifetime
        })
    }

    /// The same value, stale from now on, until its retention ends.
    pub(crate) fn expired_at(&self, now: Tick) -> Self {
        self.with_lifetime(Lifetime {
            eager_at: Tick::NEVER,
            fresh_until: self.lifetime.fresh_until.min(now),
            retained_until: self.lifetime.retained_until,
        })
    }

    /// The same value, given in place of an error for the length of the throttle.
    ///
    /// It was stale before the load that failed, by whatever purge: only purges after `tag_clock`,
    /// which that load noted before it began, count from now on.
    pub(crate) fn throttled(&self, now: Tick, throttle: Duration, tag_clock: u64) -> Self {
        let tag_clock = tag_clock.max(self.tag_clock);
        Self {
            is_fallback: true,
            tag_clock,
            checked_clock: AtomicU64::new(tag_clock),
            ..self.with_lifetime(Lifetime {
                eager_at: Tick::NEVER,
                fresh_until: now.after(throttle).min(self.lifetime.retained_until),
                retained_until: self.lifetime.retained_until,
            })
        }
    }

    /// Whether there is nothing to think about: fresh, not yet to be refreshed, a value from the source,
    /// and valid as of this reading of the tag clock.
    #[inline]
    pub(crate) fn is_plain(&self, now: Tick, clock: u64) -> bool {
        now < self.lifetime.eager_at
            && now < self.lifetime.fresh_until
            && !self.is_fallback
            && self.is_checked(clock)
    }

    /// Whether the tags were found valid at this reading of the tag clock.
    #[inline]
    pub(crate) fn is_checked(&self, clock: u64) -> bool {
        // Relaxed: the value only says which purges were looked at; whoever reads an old one looks
        // again.
        self.checked_clock.load(Ordering::Relaxed) == clock
    }

    pub(crate) fn set_checked(&self, clock: u64) {
        self.checked_clock.store(clock, Ordering::Relaxed);
    }

    /// Marks the entry as used; true for the first use since the policy was told.
    #[inline]
    pub(crate) fn touch(&self) -> bool {
        // Relaxed, and a load before the store: it is a hint, and a shared line should stay shared.
        if self.is_touched.load(Ordering::Relaxed) {
            return false;
        }
        self.is_touched.store(true, Ordering::Relaxed);
        true
    }

    pub(crate) fn untouch(&self) {
        self.is_touched.store(false, Ordering::Relaxed);
    }

    /// Takes the right to refresh the entry early; true for one caller.
    pub(crate) fn claim_refresh(&self) -> bool {
        // Relaxed: the swap itself decides; nothing else is published by it.
        !self.is_refreshing.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn value() -> Content {
        Content::Value(Arc::new(1_u32))
    }

    fn lifetime(profile: &Profile) -> Lifetime {
        Lifetime::of(profile, &value(), Tick::ZERO, 0.0)
    }

    #[test]
    fn an_entry_is_fresh_then_eager_then_stale_then_expired() {
        let life = lifetime(&Profile {
            duration: 10 * SECOND,
            retention: 60 * SECOND,
            ..Profile::BUILT_IN
        });
        let at = |seconds: u64| life.freshness(Tick::ZERO.after(Duration::from_secs(seconds)));
        assert_eq!(at(7), Freshness::Fresh);
        assert_eq!(at(8), Freshness::Eager);
        assert_eq!(at(10), Freshness::Stale);
        assert_eq!(at(60), Freshness::Expired);
    }

    #[test]
    fn retention_below_the_duration_is_raised_to_it() {
        let life = lifetime(&Profile {
            duration: 10 * SECOND,
            retention: SECOND,
            ..Profile::BUILT_IN
        });
        assert_eq!(life.retained_until, life.fresh_until);
    }

    #[test]
    fn without_fail_safe_nothing_is_kept_past_the_duration() {
        let life = lifetime(&Profile {
            fail_safe: false,
            ..Profile::BUILT_IN
        });
        assert_eq!(life.retained_until, life.fresh_until);
    }

    #[test]
    fn a_retention_of_l1_below_the_duration_is_raised_to_it() {
        let profile = Profile {
            l1_retention: Some(SECOND),
            ..Profile::BUILT_IN
        };
        let entry = Entry::new(
            value(),
            || "u32",
            lifetime(&profile),
            Asof::default(),
            None,
            0,
        );
        let life = entry.within(&profile, Tick::ZERO).lifetime;
        assert_eq!(life.retained_until, life.fresh_until);
    }

    #[test]
    fn durations_of_centuries_with_jitter_do_not_overflow() {
        let life = Lifetime::of(
            &Profile {
                duration: Duration::MAX,
                jitter: 3600 * SECOND,
                eager_refresh: None,
                ..Profile::BUILT_IN
            },
            &value(),
            Tick::ZERO.after(SECOND),
            0.9,
        );
        assert_eq!(life.fresh_until, Tick::NEVER);
    }

    #[test]
    fn a_throttled_copy_does_not_outlive_its_retention() {
        let life = lifetime(&Profile::BUILT_IN);
        let entry = Entry::new(value(), || "u32", life, Asof::default(), None, 0);
        let late = Tick::from_nanos(life.retained_until.as_nanos() - 1);
        let copy = entry.throttled(late, 30 * SECOND, 0);
        assert_eq!(copy.lifetime.fresh_until, life.retained_until);
        assert!(copy.is_fallback);
    }
}
