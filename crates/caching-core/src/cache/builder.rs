//! What a cache is made of, collected before it is made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cache::HybridCache;
use crate::clock::{Clock, SystemClock};
use crate::coherence::{Epoch, Fences, Lease, Purges};
use crate::config::CacheConfig;
use crate::error::CacheBuildErrors;
use crate::flow::{Engine, Flights, Profiles};
use crate::key::KeyHasher;
use crate::level::L1;
use crate::observe::Counters;
use crate::scope::{KeyScope, SharedScope};

/// The prefix of a cache that was given none.
const DEFAULT_PREFIX: &str = "cache";

/// Collects what a cache is made of.
///
/// ```
/// use caching_core::{CacheConfig, HybridCache};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: CacheConfig = toml::from_str(
///     r#"
///     [profiles.invoice]
///     duration = "15m"
///     "#,
/// )?;
/// let cache = HybridCache::builder().config(config).build()?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct HybridCacheBuilder {
    config: CacheConfig,
    default_key_prefix: Option<String>,
    key_scope: Arc<dyn KeyScope>,
    clock: Option<Arc<dyn Clock>>,
}

impl HybridCacheBuilder {
    pub(crate) fn new() -> Self {
        Self {
            config: CacheConfig::default(),
            default_key_prefix: None,
            key_scope: Arc::new(SharedScope),
            clock: None,
        }
    }

    /// Sets limits, defaults and profiles; without it those of an empty `[cache]` hold.
    pub fn config(mut self, config: CacheConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets what stands before every key that leaves the process, unless the configuration says.
    pub fn default_key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.default_key_prefix = Some(prefix.into());
        self
    }

    /// Sets whose entries the calls are about; without it everything is shared.
    pub fn key_scope(mut self, scope: impl KeyScope) -> Self {
        self.key_scope = Arc::new(scope);
        self
    }

    /// Sets the clock; without it the machine's. Tests that pause time give a
    /// [`TokioClock`](crate::TokioClock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Makes the cache.
    ///
    /// # Errors
    ///
    /// All settings that make no sense, together.
    pub fn build(self) -> Result<HybridCache, CacheBuildErrors> {
        CacheBuildErrors::check(self.config.problems())?;
        let config = self.config;
        Ok(HybridCache::from_engine(Engine {
            hasher: KeyHasher::new(),
            l1: L1::new(config.l1.max_entries),
            lease: Lease::for_ever(),
            fences: Fences::new(Epoch::random()),
            purges: Purges::new(),
            flights: Arc::new(Flights::new()),
            profiles: Profiles::new(&config.defaults, &config.profiles),
            scope: self.key_scope,
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
            counters: Counters::default(),
            key_prefix: config
                .key_prefix
                .or(self.default_key_prefix)
                .unwrap_or_else(|| DEFAULT_PREFIX.to_owned()),
            key_limit: config.key_limit,
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            is_stopped: AtomicBool::new(false),
        }))
    }
}
