//! What all handles of a cache share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::clock::Clock;
use crate::coherence::{Fences, Lease, Purges, StripeGuard};
use crate::error::CacheError;
use crate::flow::flight::Flights;
use crate::key::{KeyHasher, KeyKind, KeyRef, StoredKey, printable};
use crate::level::L1;
use crate::observe::{Counters, Stats};
use crate::options::{EntryOptions, Profile};
use crate::scope::KeyScope;

/// The cache itself, without the types of its values: compiled once.
pub(crate) struct Engine {
    pub(crate) hasher: KeyHasher,
    pub(crate) l1: L1,
    pub(crate) lease: Lease,
    pub(crate) fences: Fences,
    pub(crate) purges: Purges,
    pub(crate) flights: Arc<Flights>,
    pub(crate) profiles: Profiles,
    pub(crate) scope: Arc<dyn KeyScope>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Counters,
    pub(crate) key_prefix: String,
    pub(crate) key_limit: usize,
    /// The owner of every factory that runs: `stop` waits for them, then ends them.
    pub(crate) tasks: TaskTracker,
    pub(crate) ending: CancellationToken,
    pub(crate) is_stopped: AtomicBool,
}

/// The options by kind, ready for use.
pub(crate) struct Profiles {
    defaults: Profile,
    by_kind: HashMap<String, Profile>,
}

impl Profiles {
    pub(crate) fn new<'a>(
        defaults: &EntryOptions,
        by_kind: impl IntoIterator<Item = (&'a String, &'a EntryOptions)>,
    ) -> Self {
        let defaults = Profile::new(defaults);
        Self {
            defaults,
            by_kind: by_kind
                .into_iter()
                .map(|(kind, options)| (kind.clone(), defaults.with(options)))
                .collect(),
        }
    }

    /// The profile of a kind, with the options of a call over it.
    pub(crate) fn resolve(&self, kind: KeyKind, options: Option<&EntryOptions>) -> Profile {
        let profile = *self.by_kind.get(kind.name()).unwrap_or(&self.defaults);
        match options {
            Some(options) => profile.with(options),
            None => profile,
        }
    }
}

impl Engine {
    /// The key for keeping, once it is known to be one that may be kept.
    pub(crate) fn admit_key(&self, key: &KeyRef<'_>) -> Result<StoredKey, CacheError> {
        // Acquire: pairs with the release in `stop`.
        if self.is_stopped.load(Ordering::Acquire) {
            return Err(CacheError::Stopped);
        }
        if key.text.len() > self.key_limit {
            return Err(CacheError::KeyTooLong {
                kind: key.kind.name(),
                length: key.text.len(),
                limit: self.key_limit,
            });
        }
        Ok(key.to_stored())
    }

    /// Locks the stripe of a key, for changing what is kept under it.
    pub(crate) fn lock(&self, key: &StoredKey) -> Locked<'_> {
        let guard = self.l1.guard();
        Locked {
            stripe: self.fences.lock(key.hash()),
            _guard: guard,
        }
    }

    /// The key as it stands outside the process: `prefix:scope:kind:text`.
    pub(crate) fn physical_key(&self, key: &StoredKey) -> String {
        format!(
            "{}:{}:{}:{}",
            self.key_prefix,
            self.scope.text(key.scope()),
            key.kind(),
            key.physical_text()
        )
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
        self.lease.end();
        self.tasks.close();
        let in_time = tokio::time::timeout(deadline, self.tasks.wait())
            .await
            .is_ok();
        self.ending.cancel();
        if !in_time {
            // Bounded, since a factory that blocks its thread cannot be waited for.
            let _ = tokio::time::timeout(LAST_MOMENT, self.tasks.wait()).await;
        }
        in_time
    }
}

/// The lock of a stripe, and what keeps values alive that are replaced under it.
pub(crate) struct Locked<'a> {
    // In this order: the lock is given up before values are dropped.
    pub(crate) stripe: StripeGuard<'a>,
    _guard: papaya::LocalGuard<'a>,
}

/// How long factories that were told to end may take to do so.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// A key as errors name it: `invoice:7`.
pub(crate) fn named(kind: KeyKind, text: &[u8]) -> String {
    format!("{kind}:{}", printable(text))
}
