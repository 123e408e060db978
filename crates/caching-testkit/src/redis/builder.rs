//! What a server is made of.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::blocking::blocking;
use crate::redis::RedisServer;
use crate::redis::error::RedisServerError;
use crate::redis::launch::{self, Data};
use crate::redis::port::Ports;
use crate::redis::settings::{Primary, Settings, User};
use crate::redis::snapshot::RedisSnapshot;

/// How often another port is tried when somebody takes one between our look and the server's start.
const ATTEMPTS: usize = 10;

/// Says what a [`RedisServer`] is started with.
///
/// ```
/// use caching_testkit::RedisServer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let primary = RedisServer::builder()
///     .password("secret")
///     .user("reader", "secret too", "~app:* +@read")
///     .directive("maxmemory", "64mb")
///     .directive("maxmemory-policy", "noeviction")
///     .start()
///     .await?;
/// let replica = RedisServer::builder().replica_of(&primary).start().await?;
///
/// primary.command(["SET", "app:a", "1"]).await?;
/// primary.command(["WAIT", "1", "0"]).await?;
/// assert_eq!(replica.command(["GET", "app:a"]).await?.text(), Some("1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct RedisServerBuilder {
    settings: Settings,
    snapshot: Option<RedisSnapshot>,
}

impl RedisServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            settings: Settings {
                program: None,
                directives: Vec::new(),
                password: None,
                users: Vec::new(),
                primary: None,
                tls: None,
                time_limit: Duration::from_secs(10),
                // Keeps mistakes away, not people: whoever can reach the port can read the folder.
                kit_password: format!("{:032x}", fastrand::u128(..)),
            },
            snapshot: None,
        }
    }

    /// The program, in place of the one of the environment.
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.settings.program = Some(path.into());
        self
    }

    /// A line of `redis.conf`: `("maxmemory-policy", "allkeys-lru")`. Words with spaces are quoted as there.
    ///
    /// Address, port, folder and log file are the kit's to choose; what is said of them here does not count.
    pub fn directive(mut self, name: &str, value: &str) -> Self {
        self.settings.directives.push((name.into(), value.into()));
        self
    }

    /// The password of the default user. [`RedisServer::url`] has it.
    pub fn password(mut self, password: &str) -> Self {
        self.settings.password = Some(password.to_owned());
        self
    }

    /// A user with what it may do, in the words of `ACL SETUSER`: `"~app:* &app:* +@all -@dangerous"`.
    /// [`RedisServer::url_as`] connects as this user.
    pub fn user(mut self, name: &str, password: &str, rules: &str) -> Self {
        let [name, password, rules] = [name, password, rules].map(str::to_owned);
        self.settings.users.push(User {
            name,
            password,
            rules,
        });
        self
    }

    /// Every write goes to a log on disk before it is acknowledged, so that [`RedisServer::restart`] loses
    /// nothing.
    pub fn append_only(self) -> Self {
        self.directive("appendonly", "yes")
            .directive("appendfsync", "always")
    }

    /// A replica of another server. It is in step when it has started.
    pub fn replica_of(self, primary: &RedisServer) -> Self {
        self.replica_through(primary, primary.address())
    }

    /// The same, by way of another address: that of a [`FaultProxy`](crate::FaultProxy), which can cut it off.
    pub fn replica_through(mut self, primary: &RedisServer, address: SocketAddr) -> Self {
        self.settings.primary = Some(Primary {
            address,
            password: primary.settings.kit_password.clone(),
        });
        self
    }

    /// A second port that speaks TLS, with certificates made for this server. Needs a server that was built
    /// with TLS, as those of the distributions are. Clients need no certificate.
    ///
    /// # Errors
    ///
    /// When no certificate can be made, for want of random numbers.
    #[cfg(feature = "tls")]
    pub fn tls(mut self) -> Result<Self, RedisServerError> {
        self.settings.tls = Some(crate::redis::tls::Tls::make()?);
        Ok(self)
    }

    /// What the server holds at its first start.
    pub fn snapshot(mut self, snapshot: &RedisSnapshot) -> Self {
        self.snapshot = Some(snapshot.clone());
        self
    }

    /// How long a start may take, and each answer to the kit. Default: ten seconds.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.settings.time_limit = limit;
        self
    }

    /// Starts the server. It serves when this is done.
    ///
    /// # Errors
    ///
    /// As [`RedisServer::start`]; also when the server does not like a directive, with what it says.
    pub async fn start(self) -> Result<RedisServer, RedisServerError> {
        blocking(move || self.start_blocking()).await
    }

    fn start_blocking(self) -> Result<RedisServer, RedisServerError> {
        let folder = tempfile::Builder::new()
            .prefix("caching-testkit-redis-")
            .tempdir()?;
        let data = Data::of(folder.path());
        match &self.snapshot {
            Some(snapshot) => data.replace(snapshot)?,
            None => data.clear()?,
        }
        let mut attempts = 0;
        let (ports, running) = loop {
            let with_tls = self.settings.tls.is_some();
            let ports = Ports::free(with_tls).ok_or(RedisServerError::NoPort)?;
            match launch::launch(&self.settings, folder.path(), ports) {
                Ok(running) => break (ports, running),
                Err(RedisServerError::PortTaken { .. }) if attempts < ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        };
        Ok(RedisServer {
            settings: Arc::new(self.settings),
            folder: Arc::new(folder),
            ports,
            running: Some(running),
            turn: Arc::default(),
        })
    }
}
