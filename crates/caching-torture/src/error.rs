//! Why a run could not be made, as opposed to what it found.

use std::io;
use std::path::PathBuf;

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TortureError {
    /// The server could not be started or asked.
    #[error(transparent)]
    Redis(#[from] caching_testkit::RedisServerError),
    /// A pod could not be started or asked.
    #[error("pod {pod}: {source}")]
    Pod {
        /// Its number.
        pod: u32,
        /// What happened.
        source: caching_testkit::PodError,
    },
    /// A socket or a file.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A kept history cannot be read.
    #[error("line {line} of {} is not of a kept history: {source}", path.display())]
    NotKept {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// There is no such rule, or this build keeps them all.
    #[error("there is no rule `{rule}` that could be left out; {known}")]
    NoSuchRule {
        /// What was asked for.
        rule: String,
        /// What there is.
        known: String,
    },
    /// A pod did not settle after everything was healed.
    #[error("pod {pod} is still not up to date {waited:?} after everything was healed")]
    Unsettled {
        /// Its number.
        pod: u32,
        /// How long it was given.
        waited: std::time::Duration,
    },
}

impl TortureError {
    pub(crate) const fn io(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }

    pub(crate) const fn pod(pod: u32) -> impl Fn(caching_testkit::PodError) -> Self {
        move |source| Self::Pod { pod, source }
    }
}
