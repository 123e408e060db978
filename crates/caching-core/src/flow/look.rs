//! The look into L1: what a hit is.

use crate::clock::Tick;
use crate::coherence::Validity;
use crate::entry::{Content, Entry, Freshness};
use crate::flow::Engine;
use crate::key::KeyRef;

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
        let now = self.clock.now();
        if !self.lease.holds(now) {
            return Found::Nothing;
        }
        self.l1
            .read(key, |entry| self.judge(key, entry, now, can_refresh))
            .unwrap_or(Found::Nothing)
    }

    #[inline]
    fn judge(&self, key: &KeyRef<'_>, entry: &Entry, now: Tick, can_refresh: bool) -> Found {
        let freshness = match self.purges.judge(key, entry) {
            Validity::Valid => entry.lifetime.freshness(now),
            Validity::Expired if now < entry.lifetime.retained_until => Freshness::Stale,
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
