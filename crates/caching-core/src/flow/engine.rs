//! What all handles of a cache share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::cache::Legacy;
use crate::clock::Clock;
use crate::coherence::{Fences, Mode, News, Purges, Rules, StripeGuard};
use crate::error::CacheError;
use crate::flow::flights::Flights;
use crate::flow::shared::Shared;
use crate::key::{KeyHasher, KeyKind, KeyName, KeyRef, StoredKey, printable};
use crate::level::L1;
use crate::observe::{Counters, EventBus, FactoryMeter, Seldom, Stats};
use crate::options::{EntryOptions, Profile};
use crate::recovery::EVERYTHING;
use crate::scope::{KeyScope, NoScope, ScopeId};

/// The cache itself, without the types of its values: compiled once.
pub(crate) struct Engine {
    pub(crate) hasher: KeyHasher,
    pub(crate) l1: L1,
    pub(crate) fences: Fences,
    /// All of them, but in tests.
    pub(crate) rules: Rules,
    pub(crate) purges: Purges,
    /// When it was heard of what was purged, for sources that lag.
    pub(crate) news: News,
    pub(crate) flights: Arc<Flights>,
    pub(crate) profiles: Profiles,
    pub(crate) scope: Arc<dyn KeyScope>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Arc<EventBus>,
    pub(crate) factory_times: FactoryMeter,
    pub(crate) counters: Counters,
    /// Of records that could not be read, and of values that could not be stored outside.
    pub(crate) unreadable: Seldom,
    pub(crate) unshared: Seldom,
    /// Of invalidations that could not be sent, and of factories that failed, by the kind of the key.
    pub(crate) unsent: Seldom,
    pub(crate) failing: Seldom,
    /// The kinds of keys that were asked for here, by their names: nothing of others is kept.
    pub(crate) kinds: papaya::HashMap<&'static str, KeyKind, foldhash::quality::RandomState>,
    /// The store that is shared with other processes, if there is one.
    pub(crate) shared: Option<Shared>,
    /// What caches beside this one have from it.
    pub(crate) legacy: Legacy,
    /// A permit for each factory that may run at the same time.
    pub(crate) factories: Semaphore,
    pub(crate) key_prefix: String,
    pub(crate) key_limit: usize,
    /// The owner of every factory that runs: `stop` waits for them, then ends them.
    pub(crate) tasks: TaskTracker,
    pub(crate) ending: CancellationToken,
    pub(crate) is_stopped: AtomicBool,
}

/// The options by kind, ready for use.
pub(crate) struct Profiles {
    defaults: Arc<Profile>,
    by_kind: HashMap<String, Arc<Profile>, foldhash::quality::RandomState>,
    /// Whether nothing is to be kept, whatever they say.
    is_off: bool,
}

impl Profiles {
    pub(crate) fn new<'a>(
        defaults: &EntryOptions,
        by_kind: impl IntoIterator<Item = (&'a String, &'a EntryOptions)>,
    ) -> Self {
        let defaults = Profile::new(defaults);
        let of_kind = |(kind, options): (&String, &EntryOptions)| {
            (kind.clone(), Arc::new(defaults.with(options).of_kind()))
        };
        Self {
            defaults: Arc::new(defaults.of_kind()),
            by_kind: by_kind.into_iter().map(of_kind).collect(),
            is_off: false,
        }
    }

    /// The same, of a cache that keeps nothing.
    pub(crate) fn off_unless(mut self, is_enabled: bool) -> Self {
        self.is_off = !is_enabled;
        if self.is_off {
            let all = self.by_kind.values_mut().chain([&mut self.defaults]);
            all.for_each(|profile| *profile = Arc::new(profile.off()));
        }
        self
    }

    /// The profile of a kind, with the options of a call over it.
    pub(crate) fn resolve(&self, kind: KeyKind, options: Option<&EntryOptions>) -> Arc<Profile> {
        let profile = self.by_kind.get(kind.name()).unwrap_or(&self.defaults);
        match options {
            None => Arc::clone(profile),
            // Whatever a call says, a cache that keeps nothing keeps nothing.
            Some(options) if self.is_off => Arc::new(profile.with(options).off()),
            Some(options) => Arc::new(profile.with(options)),
        }
    }
}

impl Engine {
    /// Refuses a key under which nothing may be kept.
    pub(crate) fn check_key(&self, key: &KeyRef<'_>) -> Result<(), CacheError> {
        if key.text.len() > self.key_limit {
            return Err(CacheError::KeyTooLong {
                kind: key.kind.name(),
                length: key.text.len(),
                limit: self.key_limit,
            });
        }
        // Plain keys are any text, and escaped as a whole; others are made of escaped parts.
        if key.kind != KeyKind::PLAIN && !key.text.iter().all(u8::is_ascii_graphic) {
            return Err(CacheError::KeyNotPrintable {
                kind: key.kind.name(),
            });
        }
        Ok(())
    }

    /// The key for keeping, once it is known to be one that may be kept.
    pub(crate) fn admit_key(&self, key: &KeyRef<'_>) -> Result<StoredKey, CacheError> {
        // Acquire: pairs with the release in `stop`.
        if self.is_stopped.load(Ordering::Acquire) {
            return Err(CacheError::Stopped);
        }
        self.check_key(key)?;
        if self.shared.is_some() && key.scope != ScopeId::SHARED {
            self.check_scope(key)?;
        }
        let kinds = self.kinds.pin();
        if kinds.get(key.kind.name()).is_none() {
            kinds.insert(key.kind.name(), key.kind);
        }
        Ok(key.to_stored())
    }

    /// Refuses a scope by whose text other processes could not name it.
    fn check_scope(&self, key: &KeyRef<'_>) -> Result<(), CacheError> {
        let text = self.scope.text(key.scope);
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(());
        }
        Err(CacheError::NoScope {
            key: named(key.kind, key.text),
            source: NoScope::new(
                "the text of its scope is empty or holds more than visible ASCII, so that other \
                 processes could not be told of it; change what `KeyScope::text` gives",
            ),
        })
    }

    /// The stripe of a key: in a cache that shares a store, the same in all processes.
    fn stripe_of(&self, key: &StoredKey) -> u16 {
        match &self.shared {
            Some(_) => self.name_of(key).stripe(),
            // The top bits: the index uses the low ones, and the two should not go together.
            None => (key.hash() >> 48) as u16 % KeyName::STRIPES,
        }
    }

    /// Locks the stripe of a key, for changing what is kept under it.
    pub(crate) fn lock(&self, key: &StoredKey) -> Locked<'_> {
        self.lock_stripe(self.stripe_of(key))
    }

    /// The same, where the stripe is known.
    pub(crate) fn lock_stripe(&self, stripe: u16) -> Locked<'_> {
        let guard = self.l1.guard();
        Locked {
            stripe: self.fences.lock(stripe),
            _guard: guard,
            _evictions: ToldAfterwards(&self.events),
        }
    }

    /// The key as it stands outside the process: `prefix:scope:kind:text`.
    pub(crate) fn physical_key(&self, key: &StoredKey) -> String {
        self.name_of(key).physical(&self.key_prefix)
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            entries: self.l1.len() as u64,
            ..self.counters.snapshot()
        }
    }

    /// Permission to begin a factory, which `stop` waits for.
    pub(crate) fn begin(&self) -> Result<TaskTrackerToken, CacheError> {
        let token = self.tasks.token();
        // SeqCst, as in `stop`: either this sees the flag, or the token is waited for there.
        if self.is_stopped.load(Ordering::SeqCst) {
            return Err(CacheError::Stopped);
        }
        Ok(token)
    }

    /// Refuses calls from now on, and gives running factories until the deadline to end.
    ///
    /// True if all of them ended by themselves.
    pub(crate) async fn stop(&self, deadline: Duration) -> bool {
        // SeqCst, as in `begin`.
        self.is_stopped.store(true, Ordering::SeqCst);
        self.fences.stop();
        // Nor what could be given without a lease.
        self.purges.purge(EVERYTHING, Mode::Remove);
        self.tasks.close();
        // What is left and not when it ends: a deadline may be further away than a clock can tell.
        let begun = Instant::now();
        let left = || deadline.saturating_sub(begun.elapsed());
        let in_time = timeout(left(), self.tasks.wait()).await.is_ok();
        if let Some(shared) = &self.shared {
            // What other processes do not know yet, they may now or never.
            let _ = timeout(left(), self.send_what_is_queued(shared)).await;
            let left = shared.recovery.len();
            if left > 0 {
                tracing::error!(
                    left,
                    "invalidations could not be sent before the stop; other processes may give \
                     old values until those expire"
                );
            }
        }
        self.ending.cancel();
        if !in_time {
            // Bounded, since a factory that blocks its thread cannot be waited for.
            let _ = timeout(LAST_MOMENT, self.tasks.wait()).await;
        }
        if let Some(shared) = &self.shared {
            shared.driver.stop().await;
            shared.close().await;
        }
        in_time
    }
}

/// The lock of a stripe, and what keeps values alive that are replaced under it.
pub(crate) struct Locked<'a> {
    // In this order: the lock is given up before values are dropped.
    pub(crate) stripe: StripeGuard<'a>,
    _guard: papaya::LocalGuard<'a>,
    _evictions: ToldAfterwards<'a>,
}

/// Tells, when it is dropped, which entries had to leave meanwhile.
struct ToldAfterwards<'a>(&'a EventBus);

impl Drop for ToldAfterwards<'_> {
    fn drop(&mut self) {
        if self.0.is_watched() {
            self.0.tell_evictions();
        }
    }
}

/// How long factories that were told to end may take to do so.
pub(crate) const LAST_MOMENT: Duration = Duration::from_millis(100);

/// A key as errors name it: `invoice:7`.
pub(crate) fn named(kind: KeyKind, text: &[u8]) -> String {
    format!("{kind}:{}", printable(text))
}
