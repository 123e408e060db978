//! A TCP proxy whose faults are switched on and off while it runs.

mod connection;
mod counters;
mod direction;
mod fault;
mod pump;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use crate::proxy::connection::ProxyConnection;
pub use crate::proxy::counters::ProxyCounters;
pub use crate::proxy::fault::Fault;

use crate::proxy::connection::Link;
use crate::proxy::counters::Counters;
use crate::proxy::direction::Direction;

/// Stands between a client and a server, and does to their connections what networks do.
///
/// Each direction has its own [`Fault`]; a change counts for new connections and for those that are there.
/// Delays follow tokio's clock, so that paused time passes them. Everything ends when the proxy is dropped,
/// and its connections are reset.
///
/// ```
/// use std::time::Duration;
///
/// use caching_testkit::{Fault, FaultProxy};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = TcpListener::bind("127.0.0.1:0").await?;
/// let proxy = FaultProxy::start(server.local_addr()?).await?;
/// let mut client = TcpStream::connect(proxy.address()).await?;
/// let (mut served, _) = server.accept().await?;
///
/// proxy.set_to_client(Fault::Hold); // requests arrive, answers do not
/// client.write_all(b"ping").await?;
/// served.read_exact(&mut [0; 4]).await?;
/// served.write_all(b"pong").await?;
/// let mut answer = [0; 4];
/// let waited = Duration::from_millis(50);
/// assert!(tokio::time::timeout(waited, client.read_exact(&mut answer)).await.is_err());
///
/// proxy.heal();
/// client.read_exact(&mut answer).await?;
/// assert_eq!(&answer, b"pong");
/// # Ok(())
/// # }
/// ```
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Owns the listener and, in a set, the task of each connection: aborting it ends everything.
    acceptor: JoinHandle<()>,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    is_cut: watch::Sender<bool>,
    faults: [watch::Sender<Fault>; 2],
    /// By number. Held for look-ups and changes only, never across an await.
    links: Mutex<BTreeMap<u64, Arc<Link>>>,
    counters: Arc<Counters>,
    /// The number of the next connection. Relaxed: only its being another one matters.
    next: AtomicU64,
    seed: u64,
}

impl FaultProxy {
    /// Listens on a free port of the loopback interface and passes everything to `upstream`.
    ///
    /// # Errors
    ///
    /// When no socket can be opened.
    pub async fn start(upstream: SocketAddr) -> io::Result<Self> {
        Self::start_seeded(upstream, 0).await
    }

    /// The same; the jitter of delays is drawn from this seed, the number of the connection and its
    /// direction, so that a run can be repeated.
    ///
    /// # Errors
    ///
    /// When no socket can be opened.
    pub async fn start_seeded(upstream: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            is_cut: watch::Sender::new(false),
            faults: [
                watch::Sender::new(Fault::Pass),
                watch::Sender::new(Fault::Pass),
            ],
            links: Mutex::default(),
            counters: Arc::default(),
            next: AtomicU64::new(1),
            seed,
        });
        let acceptor = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self {
            address,
            shared,
            acceptor,
        })
    }

    /// Where clients connect.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where new connections are passed to from now on; those that are there stay where they are.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        *lock(&self.shared.upstream) = upstream;
    }

    /// Sets the fault of both directions.
    pub fn set(&self, fault: Fault) {
        self.set_to_server(fault);
        self.set_to_client(fault);
    }

    /// Sets what happens to what clients send.
    pub fn set_to_server(&self, fault: Fault) {
        self.shared.fault(Direction::ToServer).send_replace(fault);
    }

    /// Sets what happens to what the server sends.
    pub fn set_to_client(&self, fault: Fault) {
        self.shared.fault(Direction::ToClient).send_replace(fault);
    }

    /// Resets every connection, and each new one at once, until [`heal`](Self::heal).
    ///
    /// The port stays with the proxy, so that a client can connect and then loses the connection. For one that
    /// refuses to be connected to, kill the server and have the client connect to it.
    pub fn cut(&self) {
        self.shared.is_cut.send_replace(true);
        self.reset_connections();
    }

    /// Resets every connection that is there; new ones are fine.
    pub fn reset_connections(&self) {
        for connection in self.connections() {
            connection.kill();
        }
    }

    /// Ends every fault. What was held is delivered; a connection that has lost bytes stays lost, see
    /// [`Fault::Blackhole`].
    pub fn heal(&self) {
        self.set(Fault::Pass);
        self.shared.is_cut.send_replace(false);
    }

    /// The connections that are there, oldest first.
    #[must_use]
    pub fn connections(&self) -> Vec<ProxyConnection> {
        let links = lock(&self.shared.links);
        links.values().cloned().map(ProxyConnection::of).collect()
    }

    /// What has happened since the start.
    #[must_use]
    pub fn counters(&self) -> ProxyCounters {
        self.shared.counters.read()
    }
}

impl Shared {
    const fn fault(&self, direction: Direction) -> &watch::Sender<Fault> {
        match direction {
            Direction::ToServer => &self.faults[0],
            Direction::ToClient => &self.faults[1],
        }
    }

    /// Serves one connection until it ends.
    async fn serve(self: Arc<Self>, client: TcpStream) {
        if *self.is_cut.borrow() {
            Counters::add(&self.counters.refused, 1);
            // Reset on drop.
            let _ = client.set_zero_linger();
            return;
        }
        Counters::add(&self.counters.accepted, 1);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let Ok(link) = Link::new(number, &client, &self.counters) else {
            return; // The client has gone already.
        };
        let link = Arc::new(link);
        lock(&self.links).insert(number, link.clone());
        // Before anything is awaited: a cut that did not see the connection in the table is seen here.
        if *self.is_cut.borrow() {
            link.kill();
        }
        let _leave = Leave {
            shared: &self,
            number,
        };
        let upstream = *lock(&self.upstream);
        link.run(client, upstream, &self).await;
    }
}

/// Takes a connection off the table when its task ends, in whatever way.
struct Leave<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        lock(&self.shared.links).remove(&self.number);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => drop(connections.spawn(shared.clone().serve(client))),
                // A client that has gone, or no file handle is left: then one has to come back first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Nothing panics while it holds one of these locks, so that poison says nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy")
            .field("address", &self.address)
            .field("upstream", &*lock(&self.shared.upstream))
            .field("to_server", &*self.shared.faults[0].borrow())
            .field("to_client", &*self.shared.faults[1].borrow())
            .field("is_cut", &*self.shared.is_cut.borrow())
            .finish_non_exhaustive()
    }
}
