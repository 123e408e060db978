//! The section `[cache.redis]` of a configuration file, and `[connections]`.

mod quiet;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use zeroize::Zeroizing;

/// The section `[cache.redis]`.
///
/// It deserialises from anything that serde reads; an app host reads it from its TOML or JSON files.
/// `Debug` shows no URL, since one may hold a password, and errors repeat none.
///
/// ```
/// use caching_redis::{RedisConfig, RedisLink};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let config: RedisConfig = toml::from_str(
///     r#"
///     url = "redis://127.0.0.1:6379"
///     connections = 4
///     "#,
/// )?;
/// let link = RedisLink::from_config(&config)?; // connects when it is first needed
/// # let _ = link;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RedisConfig {
    /// Where the server is: `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss://` with TLS.
    /// Default: none, which leaves the shared level off
    pub url: Option<RedisUrl>,

    /// The name of a section `[connections.NAME]` that says where the server is, instead of `url`.
    /// Default: none
    pub connection: Option<String>,

    /// Whether the application refuses to be built without a server in its configuration. A server that is
    /// named and down is no such case. Default: `false`
    pub required: bool,

    /// How many connections carry the operations, besides one for notices; from 1 to 64. Default: `2`
    pub connections: usize,

    /// How long an attempt to connect may take in all, from 10 ms to 1 min. Default: `2s`
    #[serde(with = "quiet::duration")]
    pub connect_timeout: Duration,

    /// Whether a server is used that may evict any key (`maxmemory-policy allkeys-*`). It then may evict
    /// what guards all entries, which makes all of them misses. Default: `false`
    pub allow_eviction: bool,

    /// What stands in Redis for the owner of the key prefix. A process with another one is refused, so that
    /// two applications never mix. Default: the application's name
    pub application: Option<String>,

    /// A file with the certificates, in PEM, of the authorities that are trusted for `rediss://`.
    /// Default: what the system trusts
    pub ca_file: Option<PathBuf>,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            connection: None,
            required: false,
            connections: 2,
            connect_timeout: Duration::from_secs(2),
            allow_eviction: false,
            application: None,
            ca_file: None,
        }
    }
}

impl RedisConfig {
    /// The defaults, with the server at this URL.
    ///
    /// ```
    /// let config = caching_redis::RedisConfig::new("redis://:secret@127.0.0.1/");
    /// assert!(!format!("{config:?}").contains("secret"));
    /// ```
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Some(RedisUrl::new(url)),
            ..Self::default()
        }
    }

    /// Whether a server is named, well or badly.
    #[must_use]
    pub const fn names_a_server(&self) -> bool {
        self.url.is_some() || self.connection.is_some()
    }
}

/// The sections `[connections.NAME]`: connection strings that stand apart from what uses them.
pub type Connections = BTreeMap<String, ConnectionConfig>;

/// The section `[connections.NAME]`. It has exactly one of `url`, `file` and `env`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct ConnectionConfig {
    /// The URL itself. Default: none
    pub url: Option<RedisUrl>,

    /// The file that holds the URL. It is read at each attempt to connect, so that a new password is used
    /// as soon as the server refuses the old one. Default: none
    pub file: Option<PathBuf>,

    /// The environment variable that holds the URL. Default: none
    pub env: Option<String>,
}

/// A URL that may hold a password. `Debug` hides it, and its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(Zeroizing<String>);

impl RedisUrl {
    /// Wraps a URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self(Zeroizing::new(url.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(***)")
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisConfigError {
    /// Neither URL nor connection.
    #[error("`cache.redis` names no server; set `cache.redis.url` or `cache.redis.connection`")]
    NoServer,
    /// URL and connection.
    #[error("`cache.redis.url` and `cache.redis.connection` are both set; leave one out")]
    TwoServers,
    /// There is no such section.
    #[error(
        "`cache.redis.connection` is \"{name}\", and there is no section `[connections.{name}]`"
    )]
    UnknownConnection {
        /// The name.
        name: String,
    },
    /// The section has none or several of its settings.
    #[error("`[connections.{name}]` needs exactly one of `url`, `file` and `env`")]
    NotOnePlace {
        /// The name.
        name: String,
    },
    /// What a file or a variable holds, or that it cannot be read.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A number outside of its bounds.
    #[error("`cache.redis.{setting}` is {found}; set it {bounds}")]
    OutOfBounds {
        /// The setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        bounds: &'static str,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(String),
}

/// Why there is no URL to connect to. It repeats nothing of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// A file cannot be read.
    #[error("the file `{path}` with the connection string cannot be read: {problem}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        problem: String,
    },
    /// A variable is not there.
    #[error("the environment variable `{name}` with the connection string is not set, or no text")]
    Env {
        /// The variable.
        name: String,
    },
    /// Something else than a URL of Redis.
    #[error(
        "{place} is no URL of Redis; write `redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]`, with \
         `rediss://` for TLS, and special characters of the password as `%40`"
    )]
    Malformed {
        /// Where it stands.
        place: String,
    },
    /// TLS is asked for and not compiled in.
    #[error("{place} asks for TLS, and caching-redis was built without its feature `tls`")]
    NoTls {
        /// Where it stands.
        place: String,
    },
    /// The authorities' file cannot be used.
    #[error("`cache.redis.ca_file` holds no certificates that can be used: {problem}")]
    Authorities {
        /// What is wrong with it.
        problem: String,
    },
}
