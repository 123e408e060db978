//! An entry of L1, and what it is worth at a point in time.

mod lifetime;
mod manners;
mod marks;
mod validators;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) use self::lifetime::{Freshness, Lifetime};
pub(crate) use self::validators::{LONGEST_ETAG, Validators};

use self::manners::Manners;
use self::marks::Marks;
use crate::clock::Tick;
use crate::coherence::{Age, Asof};
use crate::options::Profile;
use crate::tag::Tag;
use crate::units::Priority;
use crate::value::AnyValue;

/// What is kept: a value, or the knowledge that there is none.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Value(AnyValue),
    Absent,
}

impl Content {
    /// How many bytes it takes up, as far as can be told: not what it points to, but for plain texts.
    fn size(&self) -> usize {
        let Self::Value(value) = self else { return 0 };
        let beyond = if let Some(text) = value.downcast_ref::<String>() {
            text.capacity()
        } else if let Some(bytes) = value.downcast_ref::<Vec<u8>>() {
            bytes.capacity()
        } else {
            0
        };
        size_of_val(&**value).saturating_add(beyond)
    }
}

/// One entry of L1.
///
/// It is replaced, never changed, but for its marks and the clock it was checked at, which are hints.
#[derive(Debug)]
// In this order: what a hit reads stands together and next to the key, on two lines of the processor's cache
// where it would be on three or four. That is what a hit of one among many keys waits for.
#[repr(C)]
pub(crate) struct Entry {
    pub(crate) content: Content,
    /// The tag clock at which the tags were last found valid.
    checked_clock: AtomicU64,
    /// What hits do to it beyond reading it, and what its source said of its version: seldom anything.
    manners: Option<Box<Manners>>,
    /// Whether the value is one that was given in place of an error; it stays labelled stale.
    pub(crate) is_fallback: bool,
    marks: Marks,
    /// Whether it is never given once it is stale.
    pub(crate) is_revocable: bool,
    pub(crate) priority: Priority,
    /// About how many bytes the value takes up.
    pub(crate) size: u32,
    pub(crate) lifetime: Lifetime,
    /// Until when the entry may be given without a lease: the bound on staleness after its load
    /// began, where it came from the source itself.
    pub(crate) own_until: Tick,
    /// The tag clock before the load began: purges after it count.
    pub(crate) tag_clock: u64,
    pub(crate) tags: Option<Arc<[Tag]>>,
    /// What the load knew when it began.
    pub(crate) asof: Asof,
    /// The name of the value's type, for messages.
    pub(crate) type_name: fn() -> &'static str,
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
            is_revocable: false,
            priority: Priority::Normal,
            size: 0,
            manners: None,
            asof,
            tags,
            tag_clock,
            own_until: Tick::ZERO,
            checked_clock: AtomicU64::new(tag_clock),
            marks: Marks::default(),
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

    /// The same entry, as its profile wants it to be treated; `load` is how long its factory took, where
    /// that is known.
    pub(crate) fn treated(mut self, profile: &Profile, now: Tick, load: Option<Duration>) -> Self {
        self.is_revocable = profile.revocable;
        self.priority = profile.priority;
        let size = match profile.size {
            Some(size) => size.as_u64(),
            None => self.content.size() as u64,
        };
        self.size = u32::try_from(size).unwrap_or(u32::MAX);
        self.manners = Manners::of(profile, now, load);
        self
    }

    /// The same entry, with what its source said of the version of the value.
    pub(crate) fn validated(mut self, validators: Option<Arc<Validators>>) -> Self {
        if validators.is_some() {
            self.manners.get_or_insert_default().validators = validators;
        }
        self
    }

    /// What its source said of the version of the value.
    pub(crate) fn validators(&self) -> Option<Arc<Validators>> {
        self.manners.as_ref()?.validators.clone()
    }

    /// The same entry, fresh and kept in this process for no longer than its profile lets it.
    pub(crate) fn within(mut self, profile: &Profile, now: Tick) -> Self {
        let life = &mut self.lifetime;
        if let Some(limit) = profile.l1_duration() {
            life.fresh_until = life.fresh_until.min(now.after(limit));
        }
        if let Some(limit) = profile.l1_retention() {
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
            is_revocable: self.is_revocable,
            priority: self.priority,
            size: self.size,
            manners: self.manners.clone(),
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
            retained_until: match self.is_revocable {
                true => now,
                false => self.lifetime.retained_until,
            },
        })
    }

    /// What it is worth to one who reads it now, and with that keeps it from being idle.
    pub(crate) fn freshness_on_read(&self, now: Tick) -> Freshness {
        let freshness = self.lifetime.freshness(now);
        match &self.manners {
            // Given in place of an error, it counts for the throttle, however long nobody read it.
            Some(manners) if !self.is_fallback => manners.freshness(&self.lifetime, freshness, now),
            _ => freshness,
        }
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
            && self
                .manners
                .as_ref()
                .is_none_or(|manners| manners.are_plain())
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
        self.priority != Priority::Low && self.marks.touch()
    }

    pub(crate) fn untouch(&self) {
        self.marks.untouch();
    }

    /// Takes the right to refresh the entry early; true for one caller.
    pub(crate) fn claim_refresh(&self) -> bool {
        self.marks.claim_refresh()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn entry(profile: &Profile) -> Entry {
        let content = Content::Value(Arc::new(1_u32));
        let life = Lifetime::of(profile, &content, (Tick::ZERO, SystemTime::UNIX_EPOCH), 0.0);
        Entry::new(content, || "u32", life, Asof::default(), None, 0)
    }

    #[test]
    fn a_retention_of_l1_below_the_duration_is_raised_to_it() {
        let profile = Profile {
            l1_retention: Some(SECOND),
            ..Profile::BUILT_IN
        };
        let life = entry(&profile).within(&profile, Tick::ZERO).lifetime;
        assert_eq!(life.retained_until, life.fresh_until);
    }

    #[test]
    fn a_throttled_copy_does_not_outlive_its_retention() {
        let entry = entry(&Profile::BUILT_IN);
        let life = entry.lifetime;
        let late = Tick::from_nanos(life.retained_until.as_nanos() - 1);
        let copy = entry.throttled(late, 30 * SECOND, 0);
        assert_eq!(copy.lifetime.fresh_until, life.retained_until);
        assert!(copy.is_fallback);
    }
}
