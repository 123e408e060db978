//! What a cache knows of a key, for people.

use std::fmt;
use std::time::Duration;

/// What a cache knows of a key, and what a read would come to now. Made by
/// [`HybridCache::explain`](crate::HybridCache::explain); printing it gives a few lines of text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The key as it stands outside the process.
    pub physical_key: String,
    /// What this process keeps under it.
    pub here: KeptHere,
    /// What the shared store keeps under it.
    pub there: KeptThere,
    /// Until when what is kept here may be given without another word of the store, from now; `None`
    /// where the lease is over. Where no store is shared, it lasts for ever.
    pub lease_left: Option<Duration>,
    /// Whether a factory is running for it, in this process.
    pub is_loading: bool,
    /// What `get` would come to.
    pub get: &'static str,
    /// What `get_or_set` would come to.
    pub get_or_set: &'static str,
}

/// What a process keeps under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptHere {
    /// Nothing.
    Nothing,
    /// An entry.
    Entry {
        /// What it is worth now.
        worth: Worth,
        /// How long it is still fresh by its own times.
        fresh_for: Duration,
        /// How long it is still kept by them.
        kept_for: Duration,
        /// Its tags.
        tags: Vec<String>,
        /// The name of its type.
        type_name: &'static str,
    },
}

/// What an entry is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Worth {
    /// It is given to anybody.
    Fresh,
    /// It is given to anybody, and a hit refreshes it.
    Eager,
    /// It was given in place of an error, and is given, labelled stale, until the factory is tried again.
    Throttled,
    /// Its duration is over.
    Stale,
    /// It was expired by a tag, a kind or a scope.
    ExpiredByPurge,
    /// It was removed by a tag, a kind or a scope, and takes up room until that is needed.
    RemovedByPurge,
    /// Its retention is over, and it takes up room until that is needed.
    Over,
}

/// What the shared store keeps under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptThere {
    /// No store is shared.
    NotShared,
    /// The profile of the kind leaves it out, or values of the type do not leave the process.
    LeftOut,
    /// An own invalidation could not be sent yet: what the store has is from before it.
    Distrusted,
    /// It did not answer.
    Away,
    /// Nothing.
    Nothing,
    /// A record that cannot be read.
    Unreadable,
    /// A record.
    Record {
        /// How long it is still fresh there.
        fresh_for: Duration,
        /// How long it is still kept there.
        kept_for: Duration,
        /// Its length in bytes, as it stands there.
        bytes: usize,
        /// Its tags.
        tags: Vec<String>,
    },
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.physical_key)?;
        writeln!(f, "  here:       {}", self.here)?;
        writeln!(f, "  store:      {}", self.there)?;
        match self.lease_left {
            Some(Duration::MAX) => {}
            Some(left) => writeln!(f, "  lease:      {left:?} left")?,
            None => writeln!(f, "  lease:      over; the store has to answer first")?,
        }
        if self.is_loading {
            writeln!(f, "  loading:    a factory is running")?;
        }
        writeln!(f, "  get:        {}", self.get)?;
        write!(f, "  get_or_set: {}", self.get_or_set)
    }
}

impl fmt::Display for KeptHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Entry {
            worth,
            fresh_for,
            kept_for,
            tags,
            type_name,
        } = self
        else {
            return f.write_str("nothing");
        };
        let worth = match worth {
            Worth::Fresh => "fresh",
            Worth::Eager => "fresh, and refreshed by the next hit",
            Worth::Throttled => "given in place of an error",
            Worth::Stale => "stale",
            Worth::ExpiredByPurge => "expired by a tag, a kind or a scope",
            Worth::RemovedByPurge => "removed by a tag, a kind or a scope",
            Worth::Over => "over",
        };
        write!(
            f,
            "{worth}: {type_name}, fresh for {fresh_for:?}, kept for {kept_for:?}"
        )?;
        write_tags(f, tags)
    }
}

impl fmt::Display for KeptThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotShared => "none is shared",
            Self::LeftOut => "left out by the profile, or the type stays in the process",
            Self::Distrusted => "from before an own invalidation that could not be sent yet",
            Self::Away => "did not answer",
            Self::Nothing => "nothing",
            Self::Unreadable => "a record that cannot be read",
            Self::Record {
                fresh_for,
                kept_for,
                bytes,
                tags,
            } => {
                write!(
                    f,
                    "{bytes} bytes, fresh for {fresh_for:?}, kept for {kept_for:?}"
                )?;
                return write_tags(f, tags);
            }
        })
    }
}

fn write_tags(f: &mut fmt::Formatter<'_>, tags: &[String]) -> fmt::Result {
    match tags {
        [] => Ok(()),
        tags => write!(f, ", tags {}", tags.join(", ")),
    }
}
