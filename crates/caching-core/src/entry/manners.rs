//! What a hit does to an entry beyond reading it: keeping it from being idle, refreshing it at random.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Tick;
use crate::entry::{Freshness, Lifetime, Validators};
use crate::options::Profile;
use crate::units::EagerRefresh;

/// What a hit does to an entry beyond reading it. Most entries have none.
#[derive(Debug, Default)]
pub(super) struct Manners {
    /// How long the entry stays fresh without being read.
    sliding: Option<Duration>,
    /// When it was read last.
    used: AtomicU64,
    /// How long its factory took, where it is refreshed at random.
    load: Option<Duration>,
    /// What its source said of its version. No hit needs it: it is here to cost other entries nothing.
    pub(super) validators: Option<Arc<Validators>>,
}

/// How many times the length of its load before its end an entry may be refreshed at random: the chance of
/// a hit to be the one is e to the minus that many there.
const WINDOW: u32 = 20;

impl Manners {
    pub(super) fn of(profile: &Profile, now: Tick, load: Option<Duration>) -> Option<Box<Self>> {
        let is_random = profile.eager_refresh == EagerRefresh::Random;
        let manners = Self {
            sliding: profile.sliding,
            used: AtomicU64::new(now.as_nanos()),
            load: load.filter(|_| is_random),
            validators: None,
        };
        (manners.sliding.is_some() || manners.load.is_some()).then(|| Box::new(manners))
    }

    /// Whether a hit has nothing to do but to read the entry.
    pub(super) fn are_plain(&self) -> bool {
        self.sliding.is_none() && self.load.is_none()
    }

    /// What the entry is worth to one who reads it now, where its life alone says `freshness`.
    pub(super) fn freshness(&self, life: &Lifetime, freshness: Freshness, now: Tick) -> Freshness {
        match freshness {
            Freshness::Stale | Freshness::Expired => freshness,
            Freshness::Fresh | Freshness::Eager if self.is_idle(now) => {
                match now < life.retained_until {
                    true => Freshness::Stale,
                    false => Freshness::Expired,
                }
            }
            Freshness::Fresh if self.is_chosen(life.fresh_until.since(now)) => Freshness::Eager,
            Freshness::Fresh | Freshness::Eager => freshness,
        }
    }

    /// Whether nobody has read it for too long; whoever asks in time is a reader.
    fn is_idle(&self, now: Tick) -> bool {
        let Some(sliding) = self.sliding else {
            return false;
        };
        // Relaxed: a time by itself. Of two readers at the same time, either may be the last one.
        let used = Tick::from_nanos(self.used.load(Ordering::Relaxed));
        let is_idle = used.after(sliding) <= now;
        if !is_idle {
            self.used.fetch_max(now.as_nanos(), Ordering::Relaxed);
        }
        is_idle
    }

    /// Whether this reader is the one to refresh what ends after `left`; see [`EagerRefresh::Random`].
    fn is_chosen(&self, left: Duration) -> bool {
        let Some(load) = self.load else { return false };
        if left > load.saturating_mul(WINDOW) {
            return false;
        }
        // Above 0, so that its logarithm is a number.
        let chance = 1.0 - fastrand::f64();
        load.as_secs_f64() * -chance.ln() >= left.as_secs_f64()
    }
}

impl Clone for Manners {
    fn clone(&self) -> Self {
        Self {
            sliding: self.sliding,
            used: AtomicU64::new(self.used.load(Ordering::Relaxed)),
            load: self.load,
            validators: self.validators.clone(),
        }
    }
}
