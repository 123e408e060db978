//! A real Redis server that belongs to one test.

mod binary;
mod builder;
mod error;
mod info;
mod launch;
mod port;
mod record;
mod reply;
mod resp;
mod settings;
mod snapshot;
mod tls;
mod url;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::Mutex;

pub use crate::redis::builder::RedisServerBuilder;
pub use crate::redis::error::RedisServerError;
pub use crate::redis::info::RedisInfo;
pub use crate::redis::record::{RedisRecord, RedisSegment};
pub use crate::redis::reply::RedisReply;
pub use crate::redis::snapshot::RedisSnapshot;

use crate::blocking::{blocking, blocking_in_turn};
use crate::redis::launch::{Data, Running};
use crate::redis::port::Ports;
use crate::redis::resp::Connection;
use crate::redis::settings::Settings;
use crate::redis::url::RedisUrl;

/// A `redis-server` process of its own, on a free port of the loopback interface and with a folder that goes
/// away with it.
///
/// The program is the one that the environment variable `CACHING_REDIS_SERVER` names, or the first
/// `redis-server` on `PATH`; version 7.0 or later. Nothing is kept on disk unless the builder says so, so that
/// a restart is a loss of everything, as it is of a cache.
///
/// ```
/// use caching_testkit::RedisServer;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut server = RedisServer::start().await?;
/// println!("redis-cli -u {}", server.url());
///
/// server.command(["SET", "colour", "green"]).await?;
/// let before = server.snapshot().await?;
/// server.command(["SET", "colour", "red"]).await?;
///
/// server.restart_from_snapshot(&before).await?; // the past comes back
/// assert_eq!(server.command(["GET", "colour"]).await?.text(), Some("green"));
/// # Ok(())
/// # }
/// ```
///
/// # What stops it
///
/// Dropping it kills the process and waits until it is gone. Where nothing is dropped (a static, an abort,
/// `kill -9` of the test) a watchdog does, a shell that waits for the end of a pipe which only the test
/// process holds. Ctrl-C reaches the test and not the server, which then ends the same way.
///
/// # What the kit itself does to the server
///
/// Its own commands use an ACL user `testkit` on a connection of their own each, so that they work whatever
/// password or limits the test has set. They are few (`AUTH`, `INFO`, and what you ask for), but they are
/// counted in `INFO commandstats` as everyone's are.
#[derive(Debug)]
pub struct RedisServer {
    settings: Arc<Settings>,
    folder: Arc<TempDir>,
    ports: Ports,
    running: Option<Running>,
    /// A restart whose caller gave it up goes on to its end before the next one begins.
    turn: Arc<Mutex<()>>,
}

impl RedisServer {
    /// Starts a server with the defaults: no password, no persistence.
    ///
    /// # Errors
    ///
    /// [`RedisServerError::NotFound`] and [`TooOld`](RedisServerError::TooOld), which say how to get one; the
    /// others say what the server said.
    pub async fn start() -> Result<Self, RedisServerError> {
        Self::builder().start().await
    }

    /// A server with settings of one's own.
    pub fn builder() -> RedisServerBuilder {
        RedisServerBuilder::new()
    }

    /// The port. It stays the same through all restarts.
    ///
    /// It is below the range from which systems take ports for outgoing connections, so that while the server
    /// is down nobody else is given it, and no client that tries again connects to itself.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.ports.plain
    }

    /// Address and port, on the loopback interface.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// How a client connects: `redis://127.0.0.1:PORT/`, with the password where there is one.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.address())
    }

    /// The same, by way of another address: that of a [`FaultProxy`](crate::FaultProxy) in front of it.
    #[must_use]
    pub fn url_at(&self, address: SocketAddr) -> String {
        self.default_login("redis", address)
    }

    /// How a user of the ACL connects. None where the builder was given no such user.
    #[must_use]
    pub fn url_as(&self, user: &str, address: SocketAddr) -> Option<String> {
        let found = self
            .settings
            .users
            .iter()
            .find(|known| known.name == user)?;
        let login = Some((found.name.as_str(), found.password.as_str()));
        let scheme = "redis";
        let url = RedisUrl {
            scheme,
            address,
            login,
        };
        Some(url.to_string())
    }

    fn default_login(&self, scheme: &'static str, address: SocketAddr) -> String {
        let password = self.settings.password.as_deref();
        let url = RedisUrl {
            scheme,
            address,
            login: password.map(|password| ("", password)),
        };
        url.to_string()
    }

    /// Address and port for TLS. None without [`tls`](RedisServerBuilder::tls).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        let port = self.ports.tls?;
        Some((Ipv4Addr::LOCALHOST, port).into())
    }

    /// How a client connects with TLS: `rediss://127.0.0.1:PORT/`, by way of any address.
    ///
    /// The certificate is for `127.0.0.1` and `localhost`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_url_at(&self, address: SocketAddr) -> String {
        self.default_login("rediss", address)
    }

    /// The certificate, in PEM, of the authority that a client has to trust. None without
    /// [`tls`](RedisServerBuilder::tls).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        Some(&self.settings.tls.as_ref()?.authority)
    }

    /// The process id of the server, while there is one.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.process.id())
    }

    /// The `run_id` of the server, which is another one after each restart. None after [`kill`](Self::kill).
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        self.running.as_ref().map(|running| &*running.run_id)
    }

    /// The version of the server, such as `7.0.15`. None after [`kill`](Self::kill).
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.running.as_ref().map(|running| &*running.version)
    }

    /// Whether the process is there; a paused one is.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.process.exit_status().is_none())
    }

    /// Sends one command, as the kit's own user.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = caching_testkit::RedisServer::start().await?;
    /// server.command(["CONFIG", "SET", "maxmemory", "3mb"]).await?;
    /// server.command([b"SET".as_slice(), b"key", &[0, 159, 146, 150]]).await?; // any bytes
    /// assert_eq!(server.command(["EXISTS", "key"]).await?.integer(), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Refused`](RedisServerError::Refused) with what the server said;
    /// [`Io`](RedisServerError::Io) where it does not answer within the time limit, as a paused one does not;
    /// [`NotRunning`](RedisServerError::NotRunning).
    pub async fn command<A>(
        &self,
        words: impl IntoIterator<Item = A>,
    ) -> Result<RedisReply, RedisServerError>
    where
        A: AsRef<[u8]>,
    {
        if self.running.is_none() {
            return Err(RedisServerError::NotRunning);
        }
        let words: Vec<Vec<u8>> = words.into_iter().map(|word| word.as_ref().into()).collect();
        let (settings, address) = (self.settings.clone(), self.address());
        blocking(move || Connection::open(&settings, address, settings.time_limit)?.command(&words))
            .await
    }

    /// What `INFO` says in a section: `server`, `stats`, `clients`, `replication`, `commandstats`, `all`.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub async fn info(&self, section: &str) -> Result<RedisInfo, RedisServerError> {
        let reply = self.command(["INFO", section]).await?;
        Ok(RedisInfo::parse(reply.text().unwrap_or_default()))
    }

    /// Removes everything (`FLUSHALL`), with the server running on.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub async fn flush_all(&self) -> Result<(), RedisServerError> {
        self.command(["FLUSHALL"]).await.map(drop)
    }

    /// What the server holds now (`SAVE`).
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command), and when the file cannot be read.
    pub async fn snapshot(&self) -> Result<RedisSnapshot, RedisServerError> {
        self.command(["SAVE"]).await?;
        let folder = self.folder.clone();
        blocking(move || RedisSnapshot::read(&Data::of(folder.path()))).await
    }

    /// Stops the process where it stands (SIGSTOP): connections stay open, and nobody is answered. It is
    /// paused when this returns.
    ///
    /// # Errors
    ///
    /// [`NotRunning`](RedisServerError::NotRunning).
    pub fn pause(&self) -> Result<(), RedisServerError> {
        Ok(self.running()?.process.pause()?)
    }

    /// Lets a paused process go on (SIGCONT). It then answers everything that was sent meanwhile.
    ///
    /// # Errors
    ///
    /// [`NotRunning`](RedisServerError::NotRunning).
    pub fn resume(&self) -> Result<(), RedisServerError> {
        Ok(self.running()?.process.resume()?)
    }

    /// Ends the process as a crash does (SIGKILL), paused or not. It is gone when this returns, and its
    /// port answers nobody until a restart.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// Ends the process as an operator does (SIGTERM): it saves first, if it is set up to. Waits until it is
    /// gone; a paused process is resumed for that.
    ///
    /// # Errors
    ///
    /// [`NotRunning`](RedisServerError::NotRunning).
    pub async fn shut_down(&mut self) -> Result<(), RedisServerError> {
        let process = &self.running()?.process;
        process.terminate()?;
        process.resume()?;
        process.exited().await?;
        self.running = None;
        Ok(())
    }

    /// Kills the server if it runs, and starts it with what it had written to disk: nothing, unless it is
    /// [`append_only`](RedisServerBuilder::append_only) or has saved.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and [`PortTaken`](RedisServerError::PortTaken) if somebody else has taken
    /// the port meanwhile. The server is down then.
    pub async fn restart(&mut self) -> Result<(), RedisServerError> {
        self.launch(Data::keep).await
    }

    /// Kills the server if it runs, and starts it with nothing.
    ///
    /// # Errors
    ///
    /// As [`restart`](Self::restart).
    pub async fn restart_empty(&mut self) -> Result<(), RedisServerError> {
        self.launch(Data::clear).await
    }

    /// Kills the server if it runs, and starts it with what a server held before.
    ///
    /// # Errors
    ///
    /// As [`restart`](Self::restart).
    pub async fn restart_from_snapshot(
        &mut self,
        snapshot: &RedisSnapshot,
    ) -> Result<(), RedisServerError> {
        let snapshot = snapshot.clone();
        self.launch(move |data| data.replace(&snapshot)).await
    }

    /// Between the old process and the new one, `prepare` sees to what is on disk.
    async fn launch(
        &mut self,
        prepare: impl FnOnce(&Data) -> Result<(), RedisServerError> + Send + 'static,
    ) -> Result<(), RedisServerError> {
        let before = self.running.take();
        let (settings, folder, ports) = (self.settings.clone(), self.folder.clone(), self.ports);
        let running = blocking_in_turn(&self.turn, move || {
            drop(before);
            prepare(&Data::of(folder.path()))?;
            launch::launch(&settings, folder.path(), ports)
        });
        self.running = Some(running.await?);
        Ok(())
    }

    fn running(&self) -> Result<&Running, RedisServerError> {
        self.running.as_ref().ok_or(RedisServerError::NotRunning)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Before its folder: the server still writes there.
        self.running = None;
    }
}
