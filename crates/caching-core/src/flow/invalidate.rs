//! Invalidations: of keys, of tags, of everything.

use std::sync::Arc;

use crate::coherence::{Asof, Group, Mode};
use crate::entry::Content;
use crate::error::CacheError;
use crate::flow::Engine;
use crate::key::StoredKey;
use crate::options::Profile;
use crate::tag::Tag;
use crate::value::ValueType;

impl Engine {
    /// Invalidates a key. A load that began before this is not stored, and nobody joins it.
    pub(crate) fn invalidate_key(&self, key: &StoredKey, mode: Mode) -> Asof {
        let at = self.fences.advance();
        let mut locked = self.lock(key);
        let stripe = &mut locked.stripe;
        stripe.bump(at);
        match mode {
            Mode::Remove => {
                self.l1.remove(stripe, key);
            }
            Mode::Expire => {
                let now = self.clock.now();
                self.l1
                    .replace(stripe, key, now, |entry| Some(entry.expired_at(now)));
            }
        }
        drop(locked);
        self.flights.detach(key);
        self.counters.invalidations.add();
        at
    }

    /// Invalidates a group. Entries and loads of before find out by the tag clock.
    pub(crate) fn purge(&self, group: Group, mode: Mode) -> Asof {
        self.purges.purge(group, mode);
        self.counters.purges.add();
        self.fences.asof()
    }

    /// Puts a value under a key, in place of whatever was there or is being loaded.
    pub(crate) fn set(
        &self,
        key: &StoredKey,
        profile: &Profile,
        content: Content,
        value_type: ValueType,
        tags: Option<Arc<[Tag]>>,
    ) -> Asof {
        let at = self.fences.advance();
        let mut locked = self.lock(key);
        let stripe = &mut locked.stripe;
        stripe.bump(at);
        let clock = self.purges.clock();
        let entry = self.entry(profile, content, value_type, at, tags, clock);
        self.keep(stripe, key, entry);
        drop(locked);
        self.flights.detach(key);
        at
    }

    /// An error once the cache was stopped.
    pub(crate) fn check_running(&self) -> Result<(), CacheError> {
        // Acquire: pairs with the release in `stop`.
        if self.is_stopped.load(std::sync::atomic::Ordering::Acquire) {
            return Err(CacheError::Stopped);
        }
        Ok(())
    }
}
