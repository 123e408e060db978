//! What can go wrong between the cache and Redis.

use std::sync::Arc;

use caching_core::{L2Error, L2ErrorKind};
use deadpool_redis::redis::{ErrorKind, RedisError, ServerError, ServerErrorKind};

use crate::config::UrlError;

/// What can go wrong between the cache and Redis. It holds no value, no key and no password.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisLinkError {
    /// An operation came before the deployment was known.
    #[error("the link knows of no deployment; call `open` before anything else")]
    NotOpened,
    /// Two parts of a program told of different deployments.
    #[error("the link was opened for another deployment; make one link a deployment")]
    OpenedTwice,
    /// The link was closed.
    #[error("the link to Redis was closed; make another one")]
    Closed,
    /// The first connection is still being made.
    #[error("no connection to Redis yet")]
    Connecting,
    /// The last attempt to connect failed.
    #[error("no connection to Redis: {0}")]
    Down(Arc<RedisLinkError>),
    /// There is no connection string.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The server was not reached, or went away.
    #[error("the connection to Redis failed: {0}")]
    Io(String),
    /// The server took longer than `cache.redis.connect_timeout`.
    #[error("Redis did not answer an attempt to connect in time")]
    ConnectTimeout,
    /// The connections were made anew while an answer was on its way.
    #[error("the connections to Redis were made anew, so that its answer counts no more")]
    Distrusted,
    /// The server is not one that can be used.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server answered with an error.
    #[error("Redis said: {code} {message}")]
    Server {
        /// The first word: `OOM`, `NOPERM`, `ERR`.
        code: String,
        /// The rest.
        message: String,
    },
    /// The server answered with something that no script of ours gives.
    #[error("Redis gave an answer to {operation} that cannot be understood")]
    Answer {
        /// The operation.
        operation: &'static str,
    },
    /// Something that cannot be sent.
    #[error("cannot be sent to Redis: {0}")]
    Unsendable(&'static str),
}

/// Why a server is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A replica, or a primary that has become one.
    #[error("the server is a {role} and not a primary; name the primary")]
    NotPrimary {
        /// What it is.
        role: String,
    },
    /// Too old.
    #[error("the server is of version {version}, and 7.0 or later is needed")]
    TooOld {
        /// What it is.
        version: String,
    },
    /// A cluster, or a sentinel.
    #[error("the server runs in mode {mode}, and a single server is needed")]
    Mode {
        /// The mode.
        mode: String,
    },
    /// It may evict any key.
    #[error(
        "the server may evict any key (`maxmemory-policy` is {policy}), and with it what guards all \
         entries; set it to `volatile-lru` or `noeviction`, or `cache.redis.allow_eviction = true`"
    )]
    Evicts {
        /// The policy.
        policy: String,
    },
    /// The login is wrong, or may not do what is needed.
    #[error("the server refused the login: {problem}")]
    Login {
        /// What it says.
        problem: String,
    },
    /// Something under the prefix agrees on something else.
    #[error(
        "what stands under the key prefix is of another deployment: its {what} is \"{theirs}\", and here it \
         is \"{ours}\"; give each application a `cache.key_prefix` of its own"
    )]
    OtherDeployment {
        /// What differs.
        what: String,
        /// What it is there.
        theirs: String,
        /// What it is here.
        ours: String,
    },
    /// Something under the prefix is no deployment at all.
    #[error(
        "the key `{key}` holds something else than a deployment; choose another `cache.key_prefix`"
    )]
    Occupied {
        /// The key.
        key: String,
    },
    /// The prefix cannot be one.
    #[error(
        "the key prefix holds braces, spaces or other than visible ASCII; choose another `cache.key_prefix`"
    )]
    Prefix,
}

impl RedisLinkError {
    /// What the cache decides by.
    #[must_use]
    pub fn kind(&self) -> L2ErrorKind {
        match self {
            Self::NotOpened | Self::OpenedTwice | Self::Url(_) | Self::Unsendable(_) => {
                L2ErrorKind::Rejected
            }
            Self::Down(why) => why.kind(),
            Self::Refused(Refusal::NotPrimary { .. }) => L2ErrorKind::Unavailable,
            Self::Refused(_) => L2ErrorKind::Rejected,
            Self::Server { code, .. } => match code.as_str() {
                "OOM" => L2ErrorKind::Full,
                "NOPERM" | "NOAUTH" | "WRONGPASS" => L2ErrorKind::Rejected,
                _ => L2ErrorKind::Unavailable,
            },
            Self::Closed
            | Self::Connecting
            | Self::Io(_)
            | Self::ConnectTimeout
            | Self::Distrusted
            | Self::Answer { .. } => L2ErrorKind::Unavailable,
        }
    }

    /// An error that the server answered with.
    pub(crate) fn server(error: &ServerError) -> Self {
        Self::Server {
            code: error.code().to_owned(),
            message: error.details().unwrap_or_default().to_owned(),
        }
    }

    /// An error of the client library.
    pub(crate) fn client(error: RedisError) -> Self {
        match error.kind() {
            ErrorKind::RESP3NotSupported => Self::Refused(Refusal::TooOld {
                version: "before 6".to_owned(),
            }),
            ErrorKind::Server(ServerErrorKind::NoPerm) | ErrorKind::AuthenticationFailed => {
                Self::login(&error)
            }
            _ => match error.code() {
                Some("WRONGPASS" | "NOAUTH") => Self::login(&error),
                Some(code) => Self::Server {
                    code: code.to_owned(),
                    message: error.detail().unwrap_or_default().to_owned(),
                },
                None => Self::Io(error.to_string()),
            },
        }
    }

    fn login(error: &RedisError) -> Self {
        Self::Refused(Refusal::Login {
            problem: error.detail().unwrap_or("it is wrong").to_owned(),
        })
    }

    /// Whether the server says with it that it is not, or no longer, the one that may answer: then no
    /// connection to it is trusted until it has been asked anew, since reads would go on without an error.
    pub(crate) fn is_of_a_demoted_server(&self) -> bool {
        matches!(
            self,
            Self::Server { code, .. } if matches!(
                code.as_str(),
                "LOADING" | "READONLY" | "NOREPLICAS" | "MOVED" | "ASK" | "MASTERDOWN" | "CLUSTERDOWN"
            )
        )
    }
}

impl From<RedisLinkError> for L2Error {
    fn from(error: RedisLinkError) -> Self {
        Self::new(error.kind(), error)
    }
}
