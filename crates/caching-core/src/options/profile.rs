//! What the flows work with: options with nothing left open, and the value of each that nobody sets.

use std::time::{Duration, SystemTime};

use bytesize::ByteSize;

use crate::codec::CodecChoice;
use crate::entry::Content;
use crate::options::EntryOptions;
use crate::units::{EagerRefresh, Limit, Priority};

/// An option as it is written, and as the flows take it.
trait Setting<T>: Sized {
    fn taken(self) -> T;
    /// `None` where nothing is said by that.
    fn written(taken: T) -> Option<Self>;
}

/// Declares, for each option, how the flows take it and what it is if nobody sets it; and writes what has
/// to be the same for all of them.
macro_rules! options {
    ($($name:ident: $written:ty => $taken:ty = $built_in:expr;)*) => {
        /// Options with nothing left open: what the flows work with.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub(crate) struct Profile {
            $(pub(crate) $name: $taken,)*
        }

        impl Profile {
            /// The value of every option that nobody sets.
            pub(crate) const BUILT_IN: Self = Self { $($name: $built_in,)* };

            /// This profile, with the options of a call over it.
            pub(crate) fn with(mut self, options: &EntryOptions) -> Self {
                $(if let Some(option) = options.$name {
                    self.$name = Setting::taken(option);
                })*
                self.in_itself()
            }
        }

        impl EntryOptions {
            /// What is built in: the value of every option that nobody sets.
            #[must_use]
            pub fn built_in() -> Self {
                let built_in = Profile::BUILT_IN;
                Self {
                    $($name: Setting::written(built_in.$name),)*
                }
            }

            /// These options, and where one is left out, that of `other`.
            #[must_use]
            pub fn or(self, other: &Self) -> Self {
                Self {
                    $($name: self.$name.or(other.$name),)*
                }
            }

            $(
                #[doc = concat!("Sets [`", stringify!($name), "`](#structfield.", stringify!($name), ").")]
                #[must_use]
                pub fn $name(mut self, $name: $written) -> Self {
                    self.$name = Some($name);
                    self
                }
            )*
        }
    };
}

options! {
    duration: Duration => Duration = Duration::from_secs(5 * 60);
    until: SystemTime => Option<SystemTime> = None;
    sliding: Limit => Option<Duration> = None;
    negative_duration: Duration => Duration = Duration::from_secs(30);
    jitter: Limit => Option<Duration> = None;
    fail_safe: bool => bool = true;
    revocable: bool => bool = false;
    allow_stale: bool => bool = false;
    retention: Duration => Duration = Duration::from_secs(2 * 60 * 60);
    throttle: Duration => Duration = Duration::from_secs(30);
    factory_soft_limit: Limit => Option<Duration> = Some(Duration::from_secs(2));
    factory_hard_limit: Limit => Option<Duration> = Some(Duration::from_secs(10));
    eager_refresh: EagerRefresh => EagerRefresh = EagerRefresh::At(0.8);
    codec: CodecChoice => CodecChoice = CodecChoice::Json;
    l1_duration: Limit => Option<Duration> = None;
    l1_retention: Limit => Option<Duration> = None;
    source_lag: Duration => Duration = Duration::ZERO;
    serve_stale: Limit => Option<Duration> = None;
    size: ByteSize => Option<ByteSize> = None;
    priority: Priority => Priority = Priority::Normal;
    l1_read: bool => bool = true;
    l1_write: bool => bool = true;
    l2_read: bool => bool = true;
    l2_write: bool => bool = true;
}

/// Options that the flows take as they are written.
macro_rules! taken_as_written {
    ($($setting:ty),*) => {
        $(impl Setting<Self> for $setting {
            fn taken(self) -> Self {
                self
            }

            fn written(taken: Self) -> Option<Self> {
                Some(taken)
            }
        })*
    };
}

taken_as_written!(Duration, bool, EagerRefresh, CodecChoice, Priority);

/// Options that say nothing unless somebody sets them.
macro_rules! taken_if_set {
    ($($setting:ty),*) => {
        $(impl Setting<Option<Self>> for $setting {
            fn taken(self) -> Option<Self> {
                Some(self)
            }

            fn written(taken: Option<Self>) -> Option<Self> {
                taken
            }
        })*
    };
}

taken_if_set!(SystemTime, ByteSize);

impl Setting<Option<Duration>> for Limit {
    fn taken(self) -> Option<Duration> {
        self.duration()
    }

    fn written(taken: Option<Duration>) -> Option<Self> {
        Some(taken.map_or(Self::Off, Self::After))
    }
}

impl Profile {
    /// What is built in, with these options over it.
    pub(crate) fn new(options: &EntryOptions) -> Self {
        Self::BUILT_IN.with(options)
    }

    /// This profile, with what its options say of each other carried out.
    fn in_itself(mut self) -> Self {
        if self.revocable {
            self.fail_safe = false;
            self.allow_stale = false;
            self.serve_stale = None;
        }
        self
    }

    /// The same for all calls of a kind: what nobody reads here need not be kept here.
    pub(crate) fn of_kind(mut self) -> Self {
        self.l1_write &= self.l1_read;
        self
    }

    /// The same in a cache that keeps nothing.
    pub(crate) fn off(self) -> Self {
        Self {
            l1_read: false,
            l1_write: false,
            l2_read: false,
            l2_write: false,
            ..self
        }
    }

    /// How long a value may be fresh in this process at most.
    pub(crate) fn l1_duration(&self) -> Option<Duration> {
        match self.l1_write {
            true => self.l1_duration,
            false => Some(Duration::ZERO),
        }
    }

    /// How long it may be kept there at most.
    pub(crate) fn l1_retention(&self) -> Option<Duration> {
        match self.l1_write {
            true => self.l1_retention,
            false => Some(Duration::ZERO),
        }
    }

    /// How long what is stored now is fresh, at least and at most: jitter lies between the two.
    pub(crate) fn durations(&self, content: &Content, today: SystemTime) -> (Duration, Duration) {
        let jitter = self.jitter.unwrap_or_default();
        let duration = match (content, self.until) {
            (Content::Absent, _) => self.negative_duration,
            (Content::Value(_), Some(until)) => {
                let left = until.duration_since(today).unwrap_or_default();
                return (left, left);
            }
            (Content::Value(_), None) => self.duration,
        };
        // Zero means "keep nothing", however much is added at random to what is kept.
        match duration.is_zero() {
            true => (duration, duration),
            false => (duration, duration.saturating_add(jitter)),
        }
    }

    /// The longest that a value or its absence is fresh.
    pub(crate) fn longest(&self, content: &Content) -> Duration {
        match (content, self.until) {
            // It is over at that instant, wherever it was stored.
            (Content::Value(_), Some(_)) => Duration::MAX,
            _ => self.durations(content, SystemTime::UNIX_EPOCH).1,
        }
    }

    /// The share of a duration after which a hit refreshes its entry.
    pub(crate) fn eager_share(&self) -> Option<f64> {
        match self.eager_refresh {
            // A share that is none never comes; configuration refuses it with a message.
            EagerRefresh::At(share) => Some(share).filter(|share| is_share(*share)),
            EagerRefresh::Off | EagerRefresh::Random => None,
        }
    }
}

/// Whether this is a share of a duration at which something can happen.
pub(crate) fn is_share(share: f64) -> bool {
    share > 0.0 && share < 1.0
}
