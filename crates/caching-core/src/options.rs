//! How an entry is kept: what a call, a profile and the defaults say, and what comes of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::codec::CodecChoice;
use crate::entry::Content;
use crate::units::{EagerRefresh, Limit, optional_duration};

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

    /// The share of the duration after which a hit refreshes its entry behind the caller's back.
    /// Default: `0.8`
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

    /// What is built in: the value of every option that nobody sets.
    #[must_use]
    pub fn built_in() -> Self {
        let built_in = Profile::BUILT_IN;
        let limit = |limit: Option<Duration>| limit.map_or(Limit::Off, Limit::After);
        Self {
            duration: Some(built_in.duration),
            negative_duration: Some(built_in.negative_duration),
            jitter: Some(limit(
                Some(built_in.jitter).filter(|jitter| !jitter.is_zero()),
            )),
            fail_safe: Some(built_in.fail_safe),
            retention: Some(built_in.retention),
            throttle: Some(built_in.throttle),
            factory_soft_limit: Some(limit(built_in.factory_soft_limit)),
            factory_hard_limit: Some(limit(built_in.factory_hard_limit)),
            eager_refresh: Some(
                built_in
                    .eager_refresh
                    .map_or(EagerRefresh::Off, EagerRefresh::At),
            ),
            codec: Some(built_in.codec),
            l1_duration: Some(limit(built_in.l1_duration)),
            l1_retention: Some(limit(built_in.l1_retention)),
            source_lag: Some(built_in.source_lag),
            serve_stale: Some(limit(built_in.serve_stale)),
            l2_read: Some(built_in.l2_read),
            l2_write: Some(built_in.l2_write),
        }
    }

    /// These options, and where one is left out, that of `other`.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            duration: self.duration.or(other.duration),
            negative_duration: self.negative_duration.or(other.negative_duration),
            jitter: self.jitter.or(other.jitter),
            fail_safe: self.fail_safe.or(other.fail_safe),
            retention: self.retention.or(other.retention),
            throttle: self.throttle.or(other.throttle),
            factory_soft_limit: self.factory_soft_limit.or(other.factory_soft_limit),
            factory_hard_limit: self.factory_hard_limit.or(other.factory_hard_limit),
            eager_refresh: self.eager_refresh.or(other.eager_refresh),
            codec: self.codec.or(other.codec),
            l1_duration: self.l1_duration.or(other.l1_duration),
            l1_retention: self.l1_retention.or(other.l1_retention),
            source_lag: self.source_lag.or(other.source_lag),
            serve_stale: self.serve_stale.or(other.serve_stale),
            l2_read: self.l2_read.or(other.l2_read),
            l2_write: self.l2_write.or(other.l2_write),
        }
    }
}

/// Writes a setter of the options' own name for each of them.
macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {
        impl EntryOptions {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(mut self, $name: $type) -> Self {
                    self.$name = Some($name);
                    self
                }
            )*
        }
    };
}

setters! {
    /// Sets [`duration`](#structfield.duration).
    duration: Duration;
    /// Sets [`negative_duration`](#structfield.negative_duration).
    negative_duration: Duration;
    /// Sets [`jitter`](#structfield.jitter).
    jitter: Limit;
    /// Sets [`fail_safe`](#structfield.fail_safe).
    fail_safe: bool;
    /// Sets [`retention`](#structfield.retention).
    retention: Duration;
    /// Sets [`throttle`](#structfield.throttle).
    throttle: Duration;
    /// Sets [`factory_soft_limit`](#structfield.factory_soft_limit).
    factory_soft_limit: Limit;
    /// Sets [`factory_hard_limit`](#structfield.factory_hard_limit).
    factory_hard_limit: Limit;
    /// Sets [`eager_refresh`](#structfield.eager_refresh).
    eager_refresh: EagerRefresh;
    /// Sets [`codec`](#structfield.codec).
    codec: CodecChoice;
    /// Sets [`l1_duration`](#structfield.l1_duration).
    l1_duration: Limit;
    /// Sets [`l1_retention`](#structfield.l1_retention).
    l1_retention: Limit;
    /// Sets [`source_lag`](#structfield.source_lag).
    source_lag: Duration;
    /// Sets [`serve_stale`](#structfield.serve_stale).
    serve_stale: Limit;
    /// Sets [`l2_read`](#structfield.l2_read).
    l2_read: bool;
    /// Sets [`l2_write`](#structfield.l2_write).
    l2_write: bool;
}

/// Options with nothing left open: what the flows work with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Profile {
    pub(crate) duration: Duration,
    pub(crate) negative_duration: Duration,
    pub(crate) jitter: Duration,
    pub(crate) fail_safe: bool,
    pub(crate) retention: Duration,
    pub(crate) throttle: Duration,
    pub(crate) factory_soft_limit: Option<Duration>,
    pub(crate) factory_hard_limit: Option<Duration>,
    pub(crate) eager_refresh: Option<f64>,
    pub(crate) codec: CodecChoice,
    pub(crate) l1_duration: Option<Duration>,
    pub(crate) l1_retention: Option<Duration>,
    pub(crate) source_lag: Duration,
    pub(crate) serve_stale: Option<Duration>,
    pub(crate) l2_read: bool,
    pub(crate) l2_write: bool,
}

impl Profile {
    /// The value of every option that nobody sets.
    pub(crate) const BUILT_IN: Self = Self {
        duration: Duration::from_secs(5 * 60),
        negative_duration: Duration::from_secs(30),
        jitter: Duration::ZERO,
        fail_safe: true,
        retention: Duration::from_secs(2 * 60 * 60),
        throttle: Duration::from_secs(30),
        factory_soft_limit: Some(Duration::from_secs(2)),
        factory_hard_limit: Some(Duration::from_secs(10)),
        eager_refresh: Some(0.8),
        codec: CodecChoice::Json,
        l1_duration: None,
        l1_retention: None,
        source_lag: Duration::ZERO,
        serve_stale: None,
        l2_read: true,
        l2_write: true,
    };

    /// What is built in, with these options over it.
    pub(crate) fn new(options: &EntryOptions) -> Self {
        Self::BUILT_IN.with(options)
    }

    /// The longest that a value or its absence is fresh.
    pub(crate) fn longest(&self, content: &Content) -> Duration {
        let duration = match content {
            Content::Value(_) => self.duration,
            Content::Absent => self.negative_duration,
        };
        duration.saturating_add(self.jitter)
    }

    /// This profile, with the options of a call over it.
    pub(crate) fn with(mut self, options: &EntryOptions) -> Self {
        fn set<T: Copy>(field: &mut T, option: Option<T>) {
            if let Some(value) = option {
                *field = value;
            }
        }
        set(&mut self.duration, options.duration);
        set(&mut self.negative_duration, options.negative_duration);
        set(
            &mut self.jitter,
            options
                .jitter
                .map(|jitter| jitter.duration().unwrap_or_default()),
        );
        set(&mut self.fail_safe, options.fail_safe);
        set(&mut self.retention, options.retention);
        set(&mut self.throttle, options.throttle);
        set(
            &mut self.factory_soft_limit,
            options.factory_soft_limit.map(Limit::duration),
        );
        set(
            &mut self.factory_hard_limit,
            options.factory_hard_limit.map(Limit::duration),
        );
        set(
            &mut self.eager_refresh,
            options.eager_refresh.map(|eager| match eager {
                EagerRefresh::Off => None,
                // A share that is none never comes; configuration refuses it with a message.
                EagerRefresh::At(share) => Some(share).filter(|share| is_share(*share)),
            }),
        );
        set(&mut self.codec, options.codec);
        set(
            &mut self.l1_duration,
            options.l1_duration.map(Limit::duration),
        );
        set(
            &mut self.l1_retention,
            options.l1_retention.map(Limit::duration),
        );
        set(&mut self.source_lag, options.source_lag);
        set(
            &mut self.serve_stale,
            options.serve_stale.map(Limit::duration),
        );
        set(&mut self.l2_read, options.l2_read);
        set(&mut self.l2_write, options.l2_write);
        self
    }
}

/// Whether this is a share of a duration at which something can happen.
pub(crate) fn is_share(share: f64) -> bool {
    share > 0.0 && share < 1.0
}
