//! How an entry is kept: what a call, a profile and the defaults say, and what comes of it.

mod profile;

use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

use crate::codec::CodecChoice;
use crate::units::{EagerRefresh, Limit, Priority, optional_duration};

pub(crate) use self::profile::{Profile, is_share};

/// How an entry is kept. Every option may be left out.
///
/// The same options stand in `[cache.defaults]`, in `[cache.profiles.KIND]`, and in a call. They are
/// merged field by field: a call's option wins over the profile of its kind, the profile over the
/// defaults, and those over what is built in.
///
/// ```
/// use std::time::Duration;
/// use caching_core::EntryOptions;
///
/// let profile = EntryOptions::new().duration(Duration::from_secs(900)).fail_safe(false);
/// let call = EntryOptions::new().duration(Duration::from_secs(60));
/// let both = call.or(&profile);
/// assert_eq!(both.duration, Some(Duration::from_secs(60)));
/// assert_eq!(both.fail_safe, Some(false));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EntryOptions {
    /// How long a value is fresh. Zero stores nothing and removes what is there. Default: `5m`
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,

    /// The instant at which the value ends, in place of a duration: until midnight, say. Jitter does
    /// not lengthen it; one that is over stores nothing. For a call or a factory, not for a file.
    #[serde(skip)]
    pub until: Option<SystemTime>,

    /// How long a value stays fresh in this process without being read; each hit begins that anew, up
    /// to the end of its duration. What was idle for longer is looked up in the shared store again.
    /// Default: `off`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sliding: Option<Limit>,

    /// How long "there is none" is fresh, where a factory answered `None`. Default: `30s`
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub negative_duration: Option<Duration>,

    /// The most by which a duration is lengthened at random, so that entries that were loaded
    /// together do not expire together. Default: `off`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<Limit>,

    /// Whether a stale value is given instead of an error when the factory fails. Default: `true`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_safe: Option<bool>,

    /// Whether values may be withdrawn, such as permissions: no read is ever given a stale one, and what
    /// is expired is removed. It switches fail-safe off, and whatever else gives stale values.
    /// Default: `false`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revocable: Option<bool>,

    /// Whether `get` gives stale values, labelled, without being asked for them in the call.
    /// Default: `false`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_stale: Option<bool>,

    /// How long a value is kept at all, counted from when it was stored; past its duration only as
    /// a fallback. Less than the duration is raised to it. Default: `2h`
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub retention: Option<Duration>,

    /// How long a stale value, once given instead of an error, is given again before the factory
    /// is next tried. Default: `30s`
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Duration>,

    /// How long callers wait for a factory while there is something stale to give them; the factory
    /// then goes on behind them. Default: `2s`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factory_soft_limit: Option<Limit>,

    /// How long a factory may run; it is then dropped. Default: `10s`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factory_hard_limit: Option<Limit>,

    /// When a hit refreshes its entry behind the caller's back: from a share of the duration on, or
    /// at `random`, the likelier the nearer the end and the slower its factory was. Default: `0.8`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eager_refresh: Option<EagerRefresh>,

    /// The codec that writes a value when it leaves the process: `json`, `message_pack` or `custom`.
    /// Default: `json`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub codec: Option<CodecChoice>,

    /// The longest that a value is fresh in this process alone; after that it is looked up in the
    /// shared store again. Default: `off`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1_duration: Option<Limit>,

    /// The longest that a value is kept in this process at all; past its duration only as a fallback,
    /// which the shared store may keep for longer. Less than the duration is raised to it. Default: `off`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1_retention: Option<Limit>,

    /// How far the source that factories read may lag behind its writes, such as a replica. What is
    /// loaded sooner than that after an invalidation is kept for a short while only, and not in the
    /// shared store; the bound on staleness becomes longer by as much. Default: `0s`
    #[serde(with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub source_lag: Option<Duration>,

    /// For how long values of this process are given, labelled stale, after it has lost touch with
    /// the shared store; `off` asks the source instead. Default: `off`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serve_stale: Option<Limit>,

    /// About how many bytes a value takes up in memory, for `cache.l1.max_bytes`. Default: what its
    /// type takes up, and the text of a string; what it points to otherwise cannot be told
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<ByteSize>,

    /// Who is evicted first when room in this process gets short: `low`, `normal` or `high`.
    /// Default: `normal`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,

    /// Whether this process is asked for values. In a profile, it then keeps none of the kind either.
    /// Default: `true`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1_read: Option<bool>,

    /// Whether values are kept in this process. Default: `true`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l1_write: Option<bool>,

    /// Whether the shared store is asked for values. Default: `true`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2_read: Option<bool>,

    /// Whether values are stored in the shared store. Default: `true`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2_write: Option<bool>,
}

impl EntryOptions {
    /// No option set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
