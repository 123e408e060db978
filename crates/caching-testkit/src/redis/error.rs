//! What can go wrong with a server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a server could not be started, or did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisServerError {
    /// There is no server on this machine.
    #[error(
        "no `redis-server` on PATH; install Redis 7.0 or later \
         (Debian and Ubuntu: apt-get install redis-server; Fedora: dnf install redis; \
         Alpine: apk add redis; macOS: brew install redis) \
         or name the program in the environment variable CACHING_REDIS_SERVER"
    )]
    NotFound,

    /// The program that was named or found does not say its version as a server does.
    #[error(
        "`{}` cannot be used as redis-server: {reason}; \
         name another program in the environment variable CACHING_REDIS_SERVER",
        program.display()
    )]
    Unusable {
        /// The program.
        program: PathBuf,
        /// What happened.
        reason: String,
    },

    /// The server is older than 7.0.
    #[error(
        "`{}` is version {version}, and 7.0 or later is needed; \
         name another program in the environment variable CACHING_REDIS_SERVER",
        program.display()
    )]
    TooOld {
        /// The program.
        program: PathBuf,
        /// Its version.
        version: String,
    },

    /// A setting that could not stand on one line.
    #[error("the setting `{name}` has a line break or is empty; each directive is one line")]
    InvalidSetting {
        /// Its name, escaped.
        name: String,
    },

    /// The process ended instead of serving.
    #[error("the server ended at start; it said:\n{log}")]
    Ended {
        /// The last lines of its log.
        log: String,
    },

    /// The process serves nobody yet.
    #[error("the server was not ready after {waited:?}; it said:\n{log}")]
    NotReady {
        /// How long it was given.
        waited: Duration,
        /// The last lines of its log.
        log: String,
    },

    /// Somebody else listens on the port.
    #[error("port {port} is taken by another process")]
    PortTaken {
        /// The port.
        port: u16,
    },

    /// No port was free.
    #[error("no free port was found on the loopback interface")]
    NoPort,

    /// The server was killed, or did not come back from a restart.
    #[error("the server is not running; restart it first")]
    NotRunning,

    /// The server answered a command with an error.
    #[error("{command} was refused: {message}")]
    Refused {
        /// The name of the command, without its arguments.
        command: String,
        /// What the server said.
        message: String,
    },

    /// The server could not be reached, did not answer in time, or something is wrong with its folder.
    #[error("the server or its folder failed: {0}")]
    Io(#[from] io::Error),
}
