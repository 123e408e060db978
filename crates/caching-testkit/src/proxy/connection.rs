//! One connection through a proxy.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::proxy::Shared;
use crate::proxy::counters::{Counters, Delivered, get};
use crate::proxy::direction::Direction;
use crate::proxy::fault::Fault;
use crate::proxy::pump::{End, Pump};

/// A connection that was there when one asked.
#[derive(Clone)]
pub struct ProxyConnection {
    link: Arc<Link>,
}

impl ProxyConnection {
    pub(super) const fn of(link: Arc<Link>) -> Self {
        Self { link }
    }

    /// Its number, counted from one in the order in which they came.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.link.number
    }

    /// The address from which the client connected: what the server would see without the proxy.
    #[must_use]
    pub fn client(&self) -> SocketAddr {
        self.link.client
    }

    /// How many bytes the server has been given.
    #[must_use]
    pub fn to_server(&self) -> u64 {
        get(&self.link.delivered.to_server)
    }

    /// How many bytes the client has been given.
    #[must_use]
    pub fn to_client(&self) -> u64 {
        get(&self.link.delivered.to_client)
    }

    /// Resets it, on both sides.
    pub fn kill(&self) {
        self.link.kill();
    }
}

impl fmt::Debug for ProxyConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyConnection")
            .field("number", &self.number())
            .field("client", &self.client())
            .field("to_server", &self.to_server())
            .field("to_client", &self.to_client())
            .finish()
    }
}

/// What the task of a connection and those who look at it share.
pub(super) struct Link {
    number: u64,
    client: SocketAddr,
    is_killed: watch::Sender<bool>,
    delivered: Delivered,
    total: Arc<Counters>,
}

impl Link {
    pub(super) fn new(number: u64, client: &TcpStream, total: &Arc<Counters>) -> io::Result<Self> {
        Ok(Self {
            number,
            client: client.peer_addr()?,
            is_killed: watch::Sender::new(false),
            delivered: Delivered::default(),
            total: total.clone(),
        })
    }

    pub(super) fn kill(&self) {
        self.is_killed.send_replace(true);
    }

    /// Passes bytes both ways until both sides have closed, or somebody resets the connection.
    pub(super) async fn run(&self, mut client: TcpStream, upstream: SocketAddr, shared: &Shared) {
        let mut is_killed = self.is_killed.subscribe();
        let killed = async move {
            // The sender is ours.
            let _ = is_killed.wait_for(|is_killed| *is_killed).await;
        };
        tokio::pin!(killed);
        let connected = tokio::select! {
            biased;
            () = &mut killed => None,
            connected = TcpStream::connect(upstream) => match connected {
                Ok(server) => Some(server),
                Err(_) => {
                    // Behind a fault that tells the client nothing, it does not hear of this either.
                    let mut fault = shared.fault(Direction::ToClient).subscribe();
                    let lifted = fault.wait_for(|fault| !matches!(fault, Fault::Hold | Fault::Blackhole));
                    tokio::select! {
                        () = &mut killed => {}
                        _ = lifted => {}
                    }
                    None
                }
            },
        };
        let Some(mut server) = connected else {
            self.reset(&[&client]);
            return;
        };
        // Faults are ours to make, and Nagle's algorithm is another one.
        let _ = client.set_nodelay(true).and(server.set_nodelay(true));
        let end = {
            let (from_client, to_client) = client.split();
            let (from_server, to_server) = server.split();
            let there = self.pump(Direction::ToServer, shared);
            let back = self.pump(Direction::ToClient, shared);
            let both = async {
                tokio::try_join!(
                    there.run(from_client, to_server),
                    back.run(from_server, to_client)
                )
            };
            tokio::select! {
                biased;
                () = &mut killed => Err(End::Reset),
                passed = both => passed,
            }
        };
        if let Err(End::Reset) = end {
            self.reset(&[&client, &server]);
        }
    }

    fn pump<'a>(&'a self, direction: Direction, shared: &Shared) -> Pump<'a> {
        let (here, total, way) = match direction {
            Direction::ToServer => (
                &self.delivered.to_server,
                &self.total.delivered.to_server,
                0,
            ),
            Direction::ToClient => (
                &self.delivered.to_client,
                &self.total.delivered.to_client,
                1,
            ),
        };
        let seed = shared.seed.wrapping_add((self.number << 1) | way);
        Pump::new(
            shared.fault(direction).subscribe(),
            fastrand::Rng::with_seed(seed),
            [here, total],
            &self.total.swallowed,
        )
    }

    /// Has the streams reset and not closed when they are dropped.
    fn reset(&self, streams: &[&TcpStream]) {
        Counters::add(&self.total.reset, 1);
        for stream in streams {
            let _ = stream.set_zero_linger();
        }
    }
}
