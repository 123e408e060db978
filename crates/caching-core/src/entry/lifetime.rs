//! The times of an entry, and what it is worth by them: arithmetic, and nothing else.

use std::time::SystemTime;

use crate::clock::Tick;
use crate::entry::Content;
use crate::options::Profile;

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

/// The times of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)] // A hit reads the first two.
pub(crate) struct Lifetime {
    pub(crate) eager_at: Tick,
    pub(crate) fresh_until: Tick,
    pub(crate) retained_until: Tick,
}

impl Lifetime {
    /// The life of what a profile stores now, on a day of the calendar; `jitter` is a share between 0 and 1.
    pub(crate) fn of(
        profile: &Profile,
        content: &Content,
        (now, today): (Tick, SystemTime),
        jitter: f64,
    ) -> Self {
        let (least, most) = profile.durations(content, today);
        let duration = least.saturating_add((most - least).mul_f64(jitter));
        let fresh_until = now.after(duration);
        Self {
            eager_at: profile
                .eager_share()
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::units::EagerRefresh;

    const SECOND: Duration = Duration::from_secs(1);

    fn value() -> Content {
        Content::Value(Arc::new(1_u32))
    }

    fn lifetime(profile: &Profile) -> Lifetime {
        Lifetime::of(profile, &value(), (Tick::ZERO, SystemTime::UNIX_EPOCH), 0.0)
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
    fn durations_of_centuries_with_jitter_do_not_overflow() {
        let life = Lifetime::of(
            &Profile {
                duration: Duration::MAX,
                jitter: Some(3600 * SECOND),
                eager_refresh: EagerRefresh::Off,
                ..Profile::BUILT_IN
            },
            &value(),
            (Tick::ZERO.after(SECOND), SystemTime::UNIX_EPOCH),
            0.9,
        );
        assert_eq!(life.fresh_until, Tick::NEVER);
    }
}
