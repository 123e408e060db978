//! What a call of the cache can answer instead of a value.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::scope::NoScope;

/// Any error, as factories and seams hand it in.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a call of the cache gave no value.
///
/// It is cheap to clone: all callers of a failed flight share one.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The caller is in no scope, and the key does not say that it is shared.
    #[error("no scope for key \"{key}\": {source}")]
    NoScope {
        /// The key, as `kind:text`.
        key: String,
        /// What the scope says of the way out.
        source: NoScope,
    },

    /// The text of the key is longer than the limit.
    #[error(
        "the text of a key of kind `{kind}` has {length} bytes, over the limit of {limit}; \
         use a shorter id or a digest of it, or raise `cache.key_limit`"
    )]
    KeyTooLong {
        /// The kind of the key.
        kind: &'static str,
        /// Bytes of the text.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },

    /// The text of a key that was written by hand holds what processes could not name it by.
    #[error(
        "the text of a key of kind `{kind}` holds more than visible ASCII; \
         write it with `KeyText`, which escapes the rest"
    )]
    KeyNotPrintable {
        /// The kind of the key.
        kind: &'static str,
    },

    /// The entry under the key is of another type than the one asked for; it is left as it is.
    #[error(
        "key \"{key}\" holds a {stored} and was asked for a {asked}; \
         use another key, or remove the entry first"
    )]
    TypeMismatch {
        /// The key, as `kind:text`.
        key: String,
        /// The type that is kept.
        stored: &'static str,
        /// The type that was asked for.
        asked: &'static str,
    },

    /// A tag that cannot be used.
    #[error("tag \"{tag}\" cannot be used: {reason}")]
    InvalidTag {
        /// The tag.
        tag: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// More tags than an entry may carry.
    #[error("an entry may carry {limit} tags and was given {count}; use one tag for a wider group")]
    TooManyTags {
        /// How many there were.
        count: usize,
        /// How many there may be.
        limit: usize,
    },

    /// More keys than a call may name.
    #[error("a call may name {limit} keys and was given {count}; split them over several calls")]
    TooManyKeys {
        /// How many there were.
        count: usize,
        /// How many there may be.
        limit: usize,
    },

    /// A ticket that was taken for another key, or on another cache.
    #[error(
        "the ticket is not one of key \"{key}\"; take it with `ticket` of that key, in the same scope, on \
         the same cache"
    )]
    TicketOfAnotherKey {
        /// The key, as `kind:text`.
        key: String,
    },

    /// The factory returned an error, and there was nothing stale to give instead.
    #[error("the factory of key \"{key}\" failed: {source}")]
    Factory {
        /// The key, as `kind:text`.
        key: String,
        /// What the factory returned; see [`CacheError::factory_error`].
        source: SharedError,
    },

    /// The factory panicked; the key is free again.
    #[error("the factory of key \"{key}\" panicked: {message}")]
    FactoryPanicked {
        /// The key, as `kind:text`.
        key: String,
        /// The message of the panic.
        message: String,
    },

    /// The factory took longer than its hard limit and was dropped.
    #[error(
        "the factory of key \"{key}\" took longer than its hard limit of {limit:?}; \
         make it faster, or raise `factory_hard_limit` of its profile"
    )]
    FactoryTimeout {
        /// The key, as `kind:text`.
        key: String,
        /// The limit.
        limit: Duration,
    },

    /// The factory of this key, or one that it waits for, asked for this key: it would wait for
    /// itself.
    #[error(
        "key \"{key}\" is asked for by its own factory, which would wait for itself; \
         load what it needs from the source, or under another key"
    )]
    Reentrant {
        /// The key, as `kind:text`.
        key: String,
    },

    /// The factory was dropped before it ended, because its runtime or the cache shut down.
    #[error(
        "the factory of key \"{key}\" was stopped before it ended, with its runtime or with the cache; \
         ask again on a runtime that goes on"
    )]
    FactoryAborted {
        /// The key, as `kind:text`.
        key: String,
    },

    /// The version of a group could not be told, since the shared store could not be asked, or does not
    /// know of all purges yet.
    #[error(
        "the version of \"{group}\" cannot be told: {source}; \
         go without one, or try again once the shared store answers"
    )]
    VersionUnknown {
        /// The group: `SCOPE`, `SCOPE kind:KIND` or `SCOPE tag:TAG`.
        group: String,
        /// What stood in the way.
        source: SharedError,
    },

    /// The cache was stopped.
    #[error("the cache is stopped; stop those who call it first, or build another one")]
    Stopped,

    /// A factory or the shared store has to be waited for, and the runtime drives no timers, which limits
    /// need.
    #[error(
        "waiting for a factory or the shared store needs a tokio runtime with timers; \
         call `enable_time` or `enable_all` on its builder"
    )]
    NoTimers,

    /// A factory or the shared store has to be waited for, and there is no tokio runtime to do so on.
    #[error(
        "waiting for a factory or the shared store needs a tokio runtime; \
         call the cache from inside `#[tokio::main]` or a task"
    )]
    NoRuntime,
}

impl CacheError {
    /// Whether the same call can only fail the same way, so that trying again is of no use.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::NoScope { .. }
                | Self::KeyTooLong { .. }
                | Self::KeyNotPrintable { .. }
                | Self::TypeMismatch { .. }
                | Self::InvalidTag { .. }
                | Self::TooManyTags { .. }
                | Self::TicketOfAnotherKey { .. }
                | Self::TooManyKeys { .. }
                | Self::Reentrant { .. }
                | Self::Stopped
        )
    }

    /// What the factory returned, if this is a factory's failure and the error of this type.
    ///
    /// ```
    /// # use caching_core::HybridCache;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let cache = HybridCache::builder().build().unwrap();
    /// let answer = cache
    ///     .get_or_set("answer", |_| async { "forty-two".parse::<u64>() })
    ///     .await;
    /// let error = answer.unwrap_err();
    /// assert!(error.factory_error::<std::num::ParseIntError>().is_some());
    /// # }
    /// ```
    #[must_use]
    pub fn factory_error<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Factory { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }

    /// What came of a factory, for a log: without the key, which is data.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Factory { source, .. } => source.to_string(),
            Self::FactoryPanicked { message, .. } => format!("it panicked: {message}"),
            Self::FactoryTimeout { limit, .. } => {
                format!("it took longer than its hard limit of {limit:?}")
            }
            Self::Reentrant { .. } => "it asked for its own key".to_owned(),
            _ => "it was not run to its end".to_owned(),
        }
    }
}

/// An error that all callers of a flight share. It dereferences to the error itself.
#[derive(Clone, Debug)]
pub struct SharedError(Arc<dyn std::error::Error + Send + Sync>);

impl From<BoxError> for SharedError {
    fn from(error: BoxError) -> Self {
        Self(error.into())
    }
}

impl std::ops::Deref for SharedError {
    type Target = dyn std::error::Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a cache could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheBuildError {
    /// A setting or a combination of settings that makes no sense.
    #[error("`{setting}` {problem}")]
    InvalidSetting {
        /// Where it stands, such as `cache.defaults.duration`.
        setting: String,
        /// What is wrong, and what would be right.
        problem: String,
    },

    /// Two parts where there is room for one.
    #[error(
        "the cache was given two of the part `{part}`: `{first}` and `{second}`; leave one out"
    )]
    Twice {
        /// What part.
        part: &'static str,
        /// The name of the first.
        first: &'static str,
        /// The name of the second.
        second: &'static str,
    },

    /// A backplane without a shared store, whose notices it would deliver.
    #[error("the backplane `{name}` needs a shared store beside it; give the cache an L2, too")]
    BackplaneAlone {
        /// Its name.
        name: &'static str,
    },

    /// A shared store in several partitions.
    #[error("the shared store `{name}` has several partitions, which this version cannot use")]
    Partitions {
        /// Its name.
        name: &'static str,
    },

    /// A shared store, and nothing to tell the keys of this application from those of others.
    #[error(
        "the shared store `{name}` may hold keys of other applications; set `cache.key_prefix`"
    )]
    NoKeyPrefix {
        /// Its name.
        name: &'static str,
    },

    /// A [`KeyScope`](crate::KeyScope) that does not name the shared scope as all processes do.
    #[error(
        "the `KeyScope` names what is shared `{written}`, and takes `{expected}` for {read}; other processes \
         name it `{expected}`, and what they invalidate of it would be missed: write `SHARED_SCOPE_TEXT` in \
         `text`, and read it in `parse` and `known`"
    )]
    SharedScopeMisnamed {
        /// What `KeyScope::text` gives for `ScopeId::SHARED`.
        written: String,
        /// What `KeyScope::known` takes the expected text for.
        read: &'static str,
        /// The text that other processes write.
        expected: &'static str,
    },

    /// A shared store without encryption, where that is not allowed.
    #[error(
        "values would be stored in `{name}` unencrypted; add `CachingEncryptionModule` and set \
         `cache.encryption.key`, or say `cache.encryption.allow_plaintext = true`"
    )]
    PlaintextRefused {
        /// The name of the shared store.
        name: &'static str,
    },
}

/// All that is wrong with what a cache was to be built of.
#[derive(Debug)]
pub struct CacheBuildErrors(Vec<CacheBuildError>);

impl CacheBuildErrors {
    /// Passes if nothing is wrong.
    pub(crate) fn check(problems: Vec<CacheBuildError>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self(problems))
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &CacheBuildError> {
        self.0.iter()
    }
}

impl fmt::Display for CacheBuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join("; "))
    }
}

impl std::error::Error for CacheBuildErrors {}
