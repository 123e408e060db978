//! Giving back the room of what nobody can be given any more.

use tokio::task::yield_now;

use crate::clock::Tick;
use crate::coherence::Validity;
use crate::entry::{Entry, Freshness};
use crate::flow::Engine;
use crate::key::{KeyRef, StoredKey};

/// After so many entries other tasks may run.
const AT_ONCE: usize = 256;

impl Engine {
    /// Drops every entry that nobody can be given any more; how many.
    pub(crate) async fn reap(&self) -> u64 {
        let now = self.clock.now();
        let dead = self.l1.keys(|key, entry| self.is_dead(key, entry, now));
        let mut dropped = 0;
        for batch in dead.chunks(AT_ONCE) {
            for key in batch {
                dropped += u64::from(self.drop_dead(key, now));
            }
            yield_now().await;
        }
        self.counters.reaped.add_many(dropped);
        dropped
    }

    /// Under the lock, and judged once more: it may have been replaced by a live one.
    fn drop_dead(&self, key: &StoredKey, now: Tick) -> bool {
        let locked = self.lock(key);
        let is_dead = |entry: &Entry| self.is_dead(&key.as_ref(), entry, now);
        self.l1.read(&key.as_ref(), is_dead) == Some(true) && self.l1.remove(&locked.stripe, key)
    }

    fn is_dead(&self, key: &KeyRef<'_>, entry: &Entry, now: Tick) -> bool {
        entry.lifetime.freshness(now) == Freshness::Expired
            || match self.purges.judge(&*self.scope, key, entry) {
                Validity::Valid => false,
                Validity::Expired => entry.is_revocable,
                Validity::Removed => true,
            }
    }
}
