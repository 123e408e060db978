//! A typed hybrid cache: one factory a key, fail-safe, tags, and invalidation that beats loading.
//!
//! ```
//! use caching_core::{CacheKey, HybridCache};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Invoice {
//!     total: u64,
//! }
//!
//! // Reader and invalidator meet in the key: its value's type is part of it.
//! #[derive(CacheKey)]
//! #[cache_key(kind = "invoice", value = Invoice, template = "{id}")]
//! struct InvoiceKey {
//!     id: u64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = HybridCache::builder().build()?;
//!
//! let invoice = cache
//!     .get_or_set(&InvoiceKey { id: 7 }, |_| async {
//!         Ok::<_, std::io::Error>(Invoice { total: 120 }) // a query, say
//!     })
//!     .await?;
//! assert_eq!(invoice.total, 120);
//!
//! // After the write has been committed:
//! cache.remove(&InvoiceKey { id: 7 }).await?.accept_queued();
//! # Ok(())
//! # }
//! ```
//!
//! # Rooms
//!
//! | room | holds |
//! | --- | --- |
//! | [`HybridCache`] | the public verbs |
//! | [`CacheKey`], [`Key`], [`Tag`], [`macro@cached`] | what values are named and grouped by |
//! | [`EntryOptions`], [`CacheConfig`] | how values are kept: by call, by profile, by default |
//! | [`KeyScope`], [`Codec`], [`PayloadTransform`], [`L2`], [`Backplane`], [`Clock`] | the seams where other crates meet this one |
//! | [`CacheError`], [`Outcome`], [`Stats`] | what came of a call, and of all of them |
//!
//! # Features
//!
//! | feature | default | brings |
//! | --- | --- | --- |
//! | `compression` | on | payloads above `cache.compress_above` leave the process compressed, and are read so |
//! | `message-pack` | off | `MessagePackCodec` |
//! | `opentelemetry` | off | `HybridCache::instrument`: what the cache counts, as instruments |
//! | `prometheus` | off | `CacheCollector`: the same for a registry of `prometheus-client` |
//! | `host` | on | `CachingModule` for an app host, and the check that each configured profile has a kind |

mod cache;
mod clock;
mod codec;
mod coherence;
mod config;
mod entry;
mod error;
mod flow;
mod key;
mod level;
#[cfg(feature = "host")]
mod module;
mod observe;
mod options;
mod outcome;
mod recovery;
mod scope;
mod tag;
mod units;
mod value;

pub use caching_macros::{CacheKey, cached};

pub use self::cache::{
    Batch, Demand, Get, GetDetailed, GetFuture, GetMany, GetManyDetailed, GetOrSet,
    GetOrSetDetailed, GetOrSetFuture, GetOrSetMany, GetOrSetManyDetailed, GetOrSetManyEach,
    HybridCache, HybridCacheBuilder, Invalidated, MAX_KEYS, ManyContext, NoTags, Optional,
    Plaintext, Required, Set, SetFuture, SetMany, TagSource, TagsFrom, Ticket, Token, Version,
};
pub use self::clock::{Clock, SystemClock, Tick, TokioClock};
#[cfg(feature = "message-pack")]
pub use self::codec::MessagePackCodec;
pub use self::codec::{Codec, CodecChoice, JsonCodec, PayloadContext, PayloadTransform};
#[cfg(feature = "switches")]
#[doc(hidden)]
pub use self::coherence::Rule;
pub use self::coherence::{Applied, Asof, Backplane, Change, Epoch, Mode, Notice, Partition, Seq};
pub use self::config::{CacheConfig, CoherenceConfig, L1Config, L2Config, WarmUpConfig};
pub use self::error::{BoxError, CacheBuildError, CacheBuildErrors, CacheError, SharedError};
pub use self::flow::FactoryContext;
pub use self::key::{CacheKey, Key, KeyKind, KeyName, KeyOf, KeyText, NotAKeyName};
pub use self::level::{
    Address, BreakReason, Claim, Deployment, FillAnswer, Find, FoundRecord, L2, L2Error,
    L2ErrorKind, MemoryBackplane, MemoryL2, MemoryRecord, MemorySnapshot, MemoryStore, PollAnswer,
    PurgeTimes, PurgedAnswer, PutAnswer, ReadAnswer, Record,
};
#[cfg(feature = "host")]
pub use self::module::{
    CacheName, CachingModule, Named, NamedCacheBuilder, NamedCacheModule, WarmUp, WarmUpContext,
    WarmUpProgress,
};
#[cfg(feature = "prometheus")]
pub use self::observe::CacheCollector;
pub use self::observe::{
    CacheEvent, Durations, EventKey, Events, EvictedValue, EvictionReason, Explanation, FactoryEnd,
    KeptHere, KeptThere, Metric, Reading, SharedStatus, Stats, Worth,
};
pub use self::options::EntryOptions;
pub use self::outcome::{Cached, Level, Outcome};
pub use self::scope::{
    BoxFuture, KeyScope, NoScope, SHARED_SCOPE_TEXT, Scope, ScopeId, ScopeText, SharedScope,
};
pub use self::tag::{MAX_TAG_LENGTH, MAX_TAGS, Tag, Tags};
pub use self::units::{EagerRefresh, Limit, Priority, SizeLimit};
pub use self::value::{CacheValue, ValueType};

/// Names a kind to the registry; what `derive(CacheKey)` expands to.
#[cfg(feature = "host")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register_kind {
    ($kind:expr, $key:expr) => {
        $crate::__private::inventory::submit! {
            $crate::__private::KnownKind { kind: $kind, key: $key }
        }
    };
}

/// Without the host nobody asks which kinds there are.
#[cfg(not(feature = "host"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register_kind {
    ($kind:expr, $key:expr) => {};
}

#[cfg(feature = "host")]
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    pub use crate::module::KnownKind;
}

/// The code of README and guides, compiled and run as doc tests.
#[cfg(all(doctest, feature = "host"))]
mod documents {
    #[doc = include_str!("../../../README.md")]
    struct Readme;

    #[doc = include_str!("../../../docs/getting-started.md")]
    struct GettingStarted;

    #[doc = include_str!("../../../docs/guides/keys-and-profiles.md")]
    struct KeysAndProfiles;

    #[doc = include_str!("../../../docs/guides/freshness.md")]
    struct Freshness;

    #[doc = include_str!("../../../docs/guides/fail-safe.md")]
    struct FailSafe;

    #[doc = include_str!("../../../docs/guides/slow-factories.md")]
    struct SlowFactories;

    #[doc = include_str!("../../../docs/guides/stampede.md")]
    struct Stampede;

    #[doc = include_str!("../../../docs/guides/tags.md")]
    struct TagsAndClear;

    #[doc = include_str!("../../../docs/guides/writing.md")]
    struct Writing;

    #[doc = include_str!("../../../docs/guides/many-keys.md")]
    struct ManyKeys;

    #[doc = include_str!("../../../docs/guides/observing.md")]
    struct Observing;

    #[doc = include_str!("../../../docs/guides/pitfalls.md")]
    struct Pitfalls;

    #[doc = include_str!("../../../docs/migrating/from-moka.md")]
    struct FromMoka;

    #[doc = include_str!("../../../docs/migrating/from-cached.md")]
    struct FromCached;

    #[doc = include_str!("../../../docs/guides/cached-functions.md")]
    struct CachedFunctions;

    #[doc = include_str!("../../../docs/guides/conditional-loads.md")]
    struct ConditionalLoads;

    #[doc = include_str!("../../../docs/guides/warm-up.md")]
    struct WarmUps;

    #[doc = include_str!("../../../docs/guides/named-caches.md")]
    struct NamedCaches;

    #[doc = include_str!("../../../docs/guides/testing.md")]
    struct Testing;

    #[doc = include_str!("../../../docs/guides/several-pods.md")]
    struct SeveralPods;

    #[doc = include_str!("../../../docs/guides/strategies.md")]
    struct Strategies;
}
