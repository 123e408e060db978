//! The signals that ask a process to stop.

use std::io;

/// Waits for SIGTERM or Ctrl-C (SIGINT); elsewhere than on Unix for Ctrl-C.
///
/// From the first call on, these signals no longer end the process by themselves.
///
/// # Errors
///
/// The operating system does not let the process listen for signals.
pub async fn shutdown_signal() -> io::Result<()> {
    Signals::listen()?.next().await;
    Ok(())
}

/// Termination signals, from the moment of listening on.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next signal, by its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next signal, by its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            // Nobody will ever tell us to stop this way; other ways remain.
            Err(_) => std::future::pending().await,
        }
    }
}
