//! The level in the process: an index that answers, beside a policy that decides who stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

use crate::clock::Tick;
use crate::coherence::StripeGuard;
use crate::entry::Entry;
use crate::key::{BuildPrehashed, KeyRef, StoredKey};
use crate::level::policy::Policy;

/// How many first touches wait for the policy; more are dropped, which costs nothing but a hint.
const TOUCHES: usize = 256;

/// The map that answers hits.
pub(crate) type Index = papaya::HashMap<StoredKey, Entry, BuildPrehashed>;

/// The level in the process.
///
/// A hit reads the index, without a lock, and leaves at most a touch in a queue. Whoever changes
/// what is kept under a key holds the lock of its stripe, and changes index and policy under it, so
/// that the two agree for each key: what the policy has forgotten is not in the index.
pub(crate) struct L1 {
    index: Arc<Index>,
    policy: Policy,
    touches: ArrayQueue<StoredKey>,
    generations: AtomicU64,
}

impl L1 {
    pub(crate) fn new(max_entries: u64) -> Self {
        let index = Arc::new(Index::with_hasher(BuildPrehashed::default()));
        Self {
            policy: Policy::new(max_entries, Arc::clone(&index)),
            index,
            touches: ArrayQueue::new(TOUCHES),
            generations: AtomicU64::new(0),
        }
    }

    /// Reads the entry of a key.
    #[inline]
    pub(crate) fn read<R>(&self, key: &KeyRef<'_>, read: impl FnOnce(&Entry) -> R) -> Option<R> {
        let index = self.index.pin();
        index.get(key).map(read)
    }

    /// Notes the use of an entry that was just read.
    #[inline]
    pub(crate) fn touch(&self, key: &KeyRef<'_>, entry: &Entry) {
        // Nobody has to leave while there is room, so nobody's use has to be known.
        if self.policy.is_selective()
            && entry.touch()
            && self.touches.push(key.to_stored()).is_err()
        {
            entry.untouch();
        }
    }

    /// Tells the policy of a miss: its admission counts those too.
    pub(crate) fn missed(&self, key: &StoredKey) {
        let _guard = self.guard();
        self.policy.used(key);
    }

    /// Keeps what is dropped from the index alive until the guard is.
    ///
    /// Whoever takes a lock takes this before: values are then dropped after the lock was given up,
    /// since their own `Drop` may call the cache.
    pub(crate) fn guard(&self) -> papaya::LocalGuard<'_> {
        self.index.guard()
    }

    /// Keeps an entry under a key, in place of what was there.
    pub(crate) fn put(
        &self,
        _stripe: &StripeGuard<'_>,
        key: &StoredKey,
        mut entry: Entry,
        now: Tick,
    ) {
        self.tell_touches();
        // Relaxed: only uniqueness matters.
        entry.generation = self.generations.fetch_add(1, Ordering::Relaxed);
        let (generation, remaining) = (entry.generation, entry.lifetime.remaining(now));
        self.index.pin().insert(key.clone(), entry);
        self.policy.admit(key, generation, remaining);
    }

    /// Puts another entry in the place of the one that is there, if there is one.
    pub(crate) fn replace(
        &self,
        stripe: &StripeGuard<'_>,
        key: &StoredKey,
        now: Tick,
        change: impl FnOnce(&Entry) -> Option<Entry>,
    ) -> bool {
        let Some(entry) = self.read(&key.as_ref(), change).flatten() else {
            return false;
        };
        self.put(stripe, key, entry, now);
        true
    }

    /// Drops the entry of a key; true if there was one.
    pub(crate) fn remove(&self, _stripe: &StripeGuard<'_>, key: &StoredKey) -> bool {
        let guard = self.index.guard();
        let removed = self.index.remove(&key.as_ref(), &guard).is_some();
        if removed {
            // What was removed on purpose does not stay in memory until more is. It makes all threads
            // synchronise, so it is not done for nothing.
            papaya::Guard::flush(&guard);
            self.policy.forget(key);
        }
        removed
    }

    /// How many entries are kept, those past their life included until their room is needed.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// Lets the policy do at once what it would do bit by bit: evict, and drop what has expired.
    #[cfg(test)]
    pub(crate) fn tidy(&self) {
        self.tell_touches();
        self.policy.tidy();
    }

    /// Hands the touches to the policy, off the path of hits.
    fn tell_touches(&self) {
        // At most a queue's length: other threads may go on filling it.
        for _ in 0..TOUCHES {
            let Some(key) = self.touches.pop() else {
                return;
            };
            self.policy.used(&key);
            self.read(&key.as_ref(), Entry::untouch);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::coherence::Fences;
    use crate::entry::{Content, Lifetime};
    use crate::key::{KeyHasher, KeyKind};
    use crate::options::Profile;
    use crate::scope::ScopeId;

    struct Fixture {
        l1: L1,
        fences: Fences,
        hasher: KeyHasher,
    }

    impl Fixture {
        fn new(max_entries: u64) -> Self {
            Self {
                l1: L1::new(max_entries),
                fences: Fences::alone(),
                hasher: KeyHasher::new(),
            }
        }

        fn key(&self, text: &str) -> StoredKey {
            self.hasher
                .key(ScopeId::SHARED, KeyKind::PLAIN, text.as_bytes())
                .to_stored()
        }

        fn put(&self, text: &str, profile: &Profile) {
            let key = self.key(text);
            let content = Content::Value(Arc::new(text.to_owned()));
            let lifetime = Lifetime::of(profile, &content, Tick::ZERO, 0.0);
            let asof = self.fences.asof();
            let entry = Entry::new(content, || "String", lifetime, asof, None, 0);
            self.l1.put(
                &self.fences.lock(key.hash() as u16),
                &key,
                entry,
                Tick::ZERO,
            );
        }

        fn has(&self, text: &str) -> bool {
            self.l1.read(&self.key(text).as_ref(), |_| ()).is_some()
        }
    }

    #[test]
    fn no_more_entries_stay_than_there_is_room_for() {
        let fixture = Fixture::new(10);
        for n in 0..1_000 {
            fixture.put(&format!("key {n}"), &Profile::BUILT_IN);
        }
        fixture.l1.tidy();
        assert_eq!(fixture.l1.len(), 10);
    }

    #[test]
    fn an_entry_that_is_used_outlives_those_that_are_not() {
        let fixture = Fixture::new(10);
        for n in 0..10 {
            fixture.put(&format!("key {n}"), &Profile::BUILT_IN);
        }
        fixture.l1.tidy();
        for n in 10..200 {
            for _ in 0..2 {
                let key = fixture.key("key 3");
                let read = fixture.l1.read(&key.as_ref(), |entry| {
                    fixture.l1.touch(&key.as_ref(), entry)
                });
                assert!(read.is_some(), "evicted before key {n}");
                fixture.l1.tidy();
            }
            fixture.put(&format!("key {n}"), &Profile::BUILT_IN);
        }
        assert!(fixture.has("key 3"));
    }

    #[test]
    fn index_and_policy_agree_after_many_threads_put_and_removed_the_same_keys() {
        let fixture = Fixture::new(50);
        std::thread::scope(|scope| {
            for seed in 0..4_usize {
                let fixture = &fixture;
                scope.spawn(move || {
                    for step in 0..5_000_usize {
                        let text = format!("key {}", (step * 31 + seed * 17) % 100);
                        if step % 3 == 0 {
                            let key = fixture.key(&text);
                            let stripe = fixture.fences.lock(key.hash() as u16);
                            fixture.l1.remove(&stripe, &key);
                        } else {
                            fixture.put(&text, &Profile::BUILT_IN);
                        }
                    }
                });
            }
        });
        fixture.l1.tidy();
        assert!(fixture.l1.len() <= 50, "{} in the index", fixture.l1.len());
        assert_eq!(fixture.l1.len() as u64, fixture.l1.policy.len());
    }

    #[test]
    fn what_is_past_its_retention_gives_its_room_back() {
        let fixture = Fixture::new(10);
        let brief = Profile {
            duration: Duration::from_millis(1),
            fail_safe: false,
            ..Profile::BUILT_IN
        };
        fixture.put("brief", &brief);
        fixture.put("long", &Profile::BUILT_IN);
        // moka's own clock, which nobody can advance, and which it reads once a second or so.
        let begun = std::time::Instant::now();
        while fixture.has("brief") {
            assert!(begun.elapsed() < Duration::from_secs(20), "it stays");
            std::thread::sleep(Duration::from_millis(20));
            fixture.l1.tidy();
        }
        assert!(fixture.has("long"));
    }
}
