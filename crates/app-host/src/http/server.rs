//! A listening socket and the connections on it.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use crate::http::problem::problem;
use crate::panic::catch_async;
use crate::{RunError, ServerConfig};

/// How long a connection may take for its first request after the server was told to stop.
const FIRST_REQUEST: Duration = Duration::from_millis(100);

/// Pause after the operating system refused a connection, most often for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Binds the configured address; `setting` is where it comes from.
pub(super) async fn bind(
    server: &ServerConfig,
    setting: &str,
) -> Result<std::net::TcpListener, RunError> {
    let listener = async { TcpListener::bind(&server.address).await?.into_std() };
    listener.await.map_err(|source| RunError::Bind {
        address: server.address.clone(),
        setting: setting.to_owned(),
        source,
    })
}

/// Takes connections until told to stop, then lets running requests end.
///
/// Not `axum::serve`: that waits for slow heads without an end and bounds neither connections nor a stop.
pub(super) struct Server {
    task: JoinHandle<usize>,
    stop: CancellationToken,
    /// When connections are cut off; set before the stop.
    cut_off: watch::Sender<Instant>,
}

impl Server {
    /// Begins to take connections.
    pub(super) fn begin(
        listener: std::net::TcpListener,
        router: Router,
        config: &ServerConfig,
    ) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let (cut_off, until) = watch::channel(Instant::now());
        let accepting = Accepting {
            listener: TcpListener::from_std(listener)?,
            router,
            header_timeout: config.header_timeout,
            slots: Arc::new(Semaphore::new(config.max_connections as usize)),
            connections: JoinSet::new(),
            stop: stop.clone(),
        };
        // Owned by this value: `stop` waits for it, dropping it ends it.
        let task = tokio::spawn(accepting.run(until));
        Ok(Self {
            task,
            stop,
            cut_off,
        })
    }

    /// Takes no further connection, waits for running requests until `until` or until told to hurry, and cuts
    /// off the rest; says how many connections that were.
    pub(super) async fn stop(mut self, until: Instant, hurry: &CancellationToken) -> usize {
        self.cut_off.send_replace(until);
        self.stop.cancel();
        tokio::select! {
            cut = &mut self.task => return cut.unwrap_or(0),
            () = hurry.cancelled() => {}
        }
        self.cut_off.send_replace(Instant::now());
        (&mut self.task).await.unwrap_or(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Accepting {
    listener: TcpListener,
    router: Router,
    header_timeout: Duration,
    slots: Arc<Semaphore>,
    connections: JoinSet<()>,
    stop: CancellationToken,
}

impl Accepting {
    async fn run(mut self, until: watch::Receiver<Instant>) -> usize {
        let stop = self.stop.clone();
        while let Some(accepted) = stop.run_until_cancelled(self.accept()).await {
            if let Some((stream, peer, slot)) = accepted {
                self.serve(stream, peer, slot);
            }
            while self.connections.try_join_next().is_some() {}
        }
        // Another server may go on with the socket, so this one must take no more from it.
        drop(self.listener);
        finish(self.connections, until).await
    }

    /// The next connection, once there is a slot for it; `None` where the system refused it.
    async fn accept(&self) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        // The semaphore is never closed, so that there is a slot in the end.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, slot)),
            Err(error) if is_of_client(&error) => None,
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    fn serve(&mut self, stream: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit) {
        // A hint; an answer is right without it.
        let _ = stream.set_nodelay(true);
        let router = TowerToHyperService::new(self.router.clone());
        let has_begun = Arc::new(AtomicBool::new(false));
        let begun = Arc::clone(&has_begun);
        let service = service_fn(move |mut request: Request<Incoming>| {
            begun.store(true, Relaxed);
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = catch_async(router.call(request));
            async move {
                // Without an answer the client could not tell a fault of ours from one of the network.
                answer.await.unwrap_or_else(|panicked| {
                    error!(%peer, %panicked, "a request ended by a panic");
                    let detail = "the request could not be answered";
                    Ok(problem(StatusCode::INTERNAL_SERVER_ERROR, detail))
                })
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let stop = self.stop.clone();
        // Owned by the set, which cuts it off when the time is over.
        self.connections.spawn(async move {
            let _slot = slot;
            let mut connection = pin!(connection);
            let mut ended = stop.run_until_cancelled(connection.as_mut()).await;
            // hyper closes a connection at once that has not had a request, and its first one may be on the
            // way. Relaxed: this task itself sets the flag.
            if ended.is_none() && !has_begun.load(Relaxed) {
                ended = timeout(FIRST_REQUEST, connection.as_mut()).await.ok();
            }
            let ended = match ended {
                Some(ended) => ended,
                None => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                debug!(%peer, %error, "a connection ended early");
            }
        });
    }
}

/// Waits for connections to end until they are to be cut off; says how many were.
async fn finish(mut connections: JoinSet<()>, mut until: watch::Receiver<Instant>) -> usize {
    while !connections.is_empty() {
        let limit = *until.borrow_and_update();
        tokio::select! {
            ended = timeout_at(limit, connections.join_next()) => if ended.is_err() { break },
            Ok(()) = until.changed() => {}
        }
    }
    let cut = connections.len();
    connections.shutdown().await;
    cut
}

/// Errors that say that the client went away, not that we are in trouble.
fn is_of_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
