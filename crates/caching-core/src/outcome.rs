//! How a read came to its value.

/// A value, and how the read came to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached<T> {
    /// The value.
    pub value: T,
    /// How the read came to it.
    pub outcome: Outcome,
}

/// Where a value was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// In this process.
    L1,
    /// In the store that processes share.
    L2,
}

/// How a read came to its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was kept.
    Hit {
        /// Where.
        level: Level,
        /// Whether it is past its duration, and was given because the factory failed or was slow,
        /// or because the caller asked for stale values.
        stale: bool,
    },
    /// It was not kept, or not fresh any more, and a factory brought it.
    Miss {
        /// Whether a stale value was kept, in whose place this one came.
        was_stale: bool,
        /// Whether what the factory brought is kept now.
        stored: bool,
        /// Whether the caller waited for a factory that another one had started.
        collapsed: bool,
    },
}

impl Outcome {
    /// Whether the value is past its duration.
    #[must_use]
    pub const fn is_stale(self) -> bool {
        matches!(self, Self::Hit { stale: true, .. })
    }

    /// Whether the value was kept.
    #[must_use]
    pub const fn is_hit(self) -> bool {
        matches!(self, Self::Hit { .. })
    }

    pub(crate) const fn hit(level: Level) -> Self {
        Self::Hit {
            level,
            stale: false,
        }
    }

    pub(crate) const fn stale(level: Level) -> Self {
        Self::Hit { level, stale: true }
    }

    pub(crate) const fn miss(was_stale: bool, stored: bool) -> Self {
        Self::Miss {
            was_stale,
            stored,
            collapsed: false,
        }
    }

    /// The same, for a caller that waited for another's factory.
    pub(crate) const fn collapsed(self) -> Self {
        match self {
            Self::Miss {
                was_stale, stored, ..
            } => Self::Miss {
                was_stale,
                stored,
                collapsed: true,
            },
            hit @ Self::Hit { .. } => hit,
        }
    }
}
