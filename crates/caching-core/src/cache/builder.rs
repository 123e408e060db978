//! What a cache is made of, collected before it is made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cache::HybridCache;
use crate::cache::beside::{Legacy, MakeLevels};
use crate::clock::{Clock, SystemClock};
use crate::codec::{Codec, Packer, PayloadTransform};
#[cfg(feature = "switches")]
use crate::coherence::Rule;
use crate::coherence::{Backplane, Fences, News, Purges, Rules};
use crate::config::CacheConfig;
use crate::error::{BoxError, CacheBuildError, CacheBuildErrors};
use crate::flow::{Engine, Flights, Profiles, Shared};
use crate::key::KeyHasher;
use crate::level::{Deployment, Guard, L1, L2};
use crate::observe::{Counters, EventBus, Seldom, factory_meter};
use crate::scope::{KeyScope, SHARED_SCOPE_TEXT, ScopeId, SharedScope};

/// The prefix of a cache that was given none.
const DEFAULT_PREFIX: &str = "cache";

/// The longest key that leaves the process: as many as are invalidated together fit into a message.
const LONGEST_KEY: usize = 16 * 1024;

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
    l2: Vec<Arc<dyn L2>>,
    backplane: Vec<Arc<dyn Backplane>>,
    codec: Vec<Arc<dyn Codec>>,
    payload_transform: Vec<Arc<dyn PayloadTransform>>,
    plaintext: Plaintext,
    levels_beside: Option<MakeLevels>,
    names_beside: Vec<&'static str>,
    rules: Rules,
}

/// Whether values may leave the process as they are, where there is a shared store and no
/// [`PayloadTransform`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plaintext {
    /// They may, with a warning.
    #[default]
    Warned,
    /// They may.
    Allowed,
    /// The cache is not built.
    Refused,
}

impl HybridCacheBuilder {
    pub(crate) fn new() -> Self {
        Self {
            config: CacheConfig::default(),
            default_key_prefix: None,
            key_scope: Arc::new(SharedScope),
            clock: None,
            l2: Vec::new(),
            backplane: Vec::new(),
            codec: Vec::new(),
            payload_transform: Vec::new(),
            plaintext: Plaintext::default(),
            levels_beside: None,
            names_beside: Vec::new(),
            rules: Rules::default(),
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

    /// Shares a store with other processes.
    pub fn l2(mut self, l2: impl L2) -> Self {
        self.l2.push(Arc::new(l2));
        self
    }

    /// Lets this process hear at once what others invalidate, which it would otherwise learn with the
    /// next poll of the shared store.
    pub fn backplane(mut self, backplane: impl Backplane) -> Self {
        self.backplane.push(Arc::new(backplane));
        self
    }

    /// Brings a codec of the program's own, for the profiles that choose
    /// [`CodecChoice::Custom`](crate::CodecChoice::Custom).
    pub fn codec(mut self, codec: impl Codec) -> Self {
        self.codec.push(Arc::new(codec));
        self
    }

    /// Changes the bytes of values that leave the process: encryption.
    pub fn payload_transform(mut self, transform: impl PayloadTransform) -> Self {
        self.payload_transform.push(Arc::new(transform));
        self
    }

    /// Says whether values may leave the process as they are; without it they may, with a warning.
    pub fn plaintext(mut self, plaintext: Plaintext) -> Self {
        self.plaintext = plaintext;
        self
    }

    /// Says how caches [beside](HybridCache::beside) this one come to a shared store: it is called once for
    /// each. Without it they share none.
    pub fn levels_beside<L: L2, B: Backplane>(
        mut self,
        make: impl Fn() -> Result<(L, B), BoxError> + Send + Sync + 'static,
    ) -> Self {
        self.levels_beside = Some(Arc::new(move || {
            let (l2, backplane) = make()?;
            Ok((Arc::new(l2), Arc::new(backplane)))
        }));
        self
    }

    /// Notes that a module will put a cache of this name beside it.
    #[cfg(feature = "host")]
    pub(crate) fn expect_beside(mut self, name: &'static str) -> Self {
        self.names_beside.push(name);
        self
    }

    /// With what a cache has from the one beside it.
    pub(super) fn of_legacy(
        mut self,
        scope: Arc<dyn KeyScope>,
        clock: Arc<dyn Clock>,
        legacy: &Legacy,
    ) -> Self {
        self.key_scope = scope;
        self.clock = Some(clock);
        self.codec = legacy.codec.clone().into_iter().collect();
        self.payload_transform = legacy.transform.clone().into_iter().collect();
        self.plaintext = legacy.plaintext;
        self.levels_beside = legacy.levels.clone();
        self
    }

    pub(super) fn levels(mut self, l2: Arc<dyn L2>, backplane: Arc<dyn Backplane>) -> Self {
        self.l2.push(l2);
        self.backplane.push(backplane);
        self
    }

    /// Leaves a rule of coherence out, to see that its absence is noticed.
    #[cfg(feature = "switches")]
    #[doc(hidden)]
    pub fn leave_out(mut self, rule: Rule) -> Self {
        self.rules = self.rules.without(rule);
        self
    }

    /// Makes the cache. It opens nothing: with a shared store, the first read or
    /// [`HybridCache::start`] does.
    ///
    /// # Errors
    ///
    /// All settings that make no sense, together.
    pub fn build(self) -> Result<HybridCache, CacheBuildErrors> {
        let mut problems = self.config.problems();
        let codec = self.codec.first().cloned();
        problems.extend(self.config.codec_problems(codec.as_deref()));
        problems.extend(self.problems());
        CacheBuildErrors::check(problems)?;
        let config = self.config;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
        let key_prefix = config
            .key_prefix
            .clone()
            .or(self.default_key_prefix)
            .unwrap_or_else(|| DEFAULT_PREFIX.to_owned());
        let legacy = Legacy {
            codec: codec.clone(),
            transform: self.payload_transform.first().cloned(),
            plaintext: self.plaintext,
            levels: self.levels_beside,
            names: self.names_beside,
        };
        let shared = self.l2.into_iter().next().map(|l2| {
            let deployment = Deployment::new(&key_prefix, config.coherence.bound);
            l2.open(&deployment);
            let backplane = self.backplane.into_iter().next();
            if let Some(backplane) = &backplane {
                backplane.open(&deployment);
            }
            let packer = Packer::new(
                codec,
                self.payload_transform.into_iter().next(),
                config.payload_limit,
                config.compress_above,
            )
            .of_generation(config.generation);
            let guard = Guard::new(l2, config.l2.clone(), Arc::clone(&clock));
            Shared::new(guard, backplane, packer, &config.coherence, &config.l2)
        });
        let fences = match shared {
            Some(_) => Fences::shared(self.rules),
            None => Fences::of_one(self.rules),
        };
        let events = Arc::new(EventBus::new());
        Ok(HybridCache::from_engine(Engine {
            hasher: KeyHasher::new(),
            l1: L1::new(config.l1.room(), Arc::clone(&events)),
            events,
            factory_times: factory_meter(),
            fences,
            rules: self.rules,
            purges: Purges::new(),
            news: News::new(),
            flights: Arc::new(Flights::new(self.rules)),
            profiles: Profiles::new(&config.defaults, &config.profiles).off_unless(config.enabled),
            scope: self.key_scope,
            clock,
            counters: Counters::default(),
            unreadable: Seldom::new("a record of the shared store could not be read and is a miss"),
            unshared: Seldom::new("a value could not be stored outside of this process"),
            unsent: Seldom::new(
                "invalidations could not be sent and are queued; other processes do not know of them",
            ),
            failing: Seldom::new("a factory failed"),
            kinds: papaya::HashMap::default(),
            shared,
            legacy,
            factories: Semaphore::new(config.concurrent_factories.min(Semaphore::MAX_PERMITS)),
            key_prefix,
            key_limit: config.key_limit,
            tasks: TaskTracker::new(),
            ending: CancellationToken::new(),
            is_stopped: AtomicBool::new(false),
        }))
    }

    /// What is wrong with the parts, apart from the settings.
    fn problems(&self) -> Vec<CacheBuildError> {
        let mut problems = Vec::new();
        let l2: Vec<_> = self.l2.iter().map(|l2| l2.name()).collect();
        let backplanes: Vec<_> = self.backplane.iter().map(|one| one.name()).collect();
        let codecs: Vec<_> = self.codec.iter().map(|codec| codec.name()).collect();
        let transforms: Vec<_> = self
            .payload_transform
            .iter()
            .map(|one| one.name())
            .collect();
        for (part, names) in [
            ("shared store", &l2),
            ("backplane", &backplanes),
            ("codec", &codecs),
            ("payload transform", &transforms),
        ] {
            if let [first, second, ..] = names[..] {
                problems.push(CacheBuildError::Twice {
                    part,
                    first,
                    second,
                });
            }
        }
        let Some(name) = l2.first().copied() else {
            if let Some(name) = backplanes.first().copied() {
                problems.push(CacheBuildError::BackplaneAlone { name });
            }
            return problems;
        };
        if self.l2.iter().any(|l2| l2.partitions() != 1) {
            problems.push(CacheBuildError::Partitions { name });
        }
        if self.config.key_limit > LONGEST_KEY {
            problems.push(CacheBuildError::InvalidSetting {
                setting: "cache.key_limit".to_owned(),
                problem: format!(
                    "is {}, over the {LONGEST_KEY} bytes that a key in a shared store may have",
                    self.config.key_limit
                ),
            });
        }
        if let Some(problem) = misnamed(&*self.key_scope) {
            problems.push(problem);
        }
        if self.config.key_prefix.is_none() && self.default_key_prefix.is_none() {
            problems.push(CacheBuildError::NoKeyPrefix { name });
        }
        if transforms.is_empty() {
            match self.plaintext {
                Plaintext::Allowed => {}
                Plaintext::Warned => tracing::warn!(
                    l2 = name,
                    "VALUES LEAVE THIS PROCESS UNENCRYPTED; give `cache.encryption.key` a key, or \
                     accept it with `cache.encryption.allow_plaintext = true`"
                ),
                Plaintext::Refused => problems.push(CacheBuildError::PlaintextRefused { name }),
            }
        }
        problems
    }
}

/// Whether what is shared has another name than other processes give it.
fn misnamed(scope: &dyn KeyScope) -> Option<CacheBuildError> {
    let written = scope.text(ScopeId::SHARED);
    let read = match scope.known(SHARED_SCOPE_TEXT) {
        Some(ScopeId::SHARED) if *written == *SHARED_SCOPE_TEXT => return None,
        Some(ScopeId::SHARED) => "that",
        Some(_) => "another scope",
        None => "no scope",
    };
    Some(CacheBuildError::SharedScopeMisnamed {
        written: written.to_string(),
        read,
        expected: SHARED_SCOPE_TEXT,
    })
}
