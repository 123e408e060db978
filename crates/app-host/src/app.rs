//! A built application: its services, its start, its stop.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tracing::info;

use crate::lifecycle::Lifecycle;
use crate::readiness::Readiness;
use crate::signal::Signals;
use crate::{
    AppBuilder, AppReport, Config, Environment, HealthReport, RunError, Services, StartError,
    StopReport,
};

/// A built application.
///
/// All that can be wrong has been found by [`build`](AppBuilder::build); nothing is open yet. A program calls
/// [`run`](Self::run). A test calls [`start`](Self::start), asks [`services`](Self::services) or the router,
/// and calls [`stop`](Self::stop). Two applications of one process share nothing.
///
/// All of it happens inside a tokio runtime. An application that is dropped without a stop drops the tasks
/// of its modules; what they had open closes as its values are dropped.
pub struct App {
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) report: AppReport,
    #[cfg(feature = "http")]
    pub(crate) http: crate::http::HttpApp,
}

impl App {
    /// Begins an application without modules.
    pub fn builder() -> AppBuilder {
        AppBuilder::default()
    }

    /// The name of the application.
    pub fn name(&self) -> &str {
        &self.lifecycle.facts().name
    }

    /// The services, all built.
    pub fn services(&self) -> &Services {
        &self.lifecycle.facts().services
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.lifecycle.facts().config
    }

    /// Where the application runs.
    pub fn environment(&self) -> &Environment {
        &self.lifecycle.facts().environment
    }

    /// The modules, which of them are enabled or why not, and what they provide; a table by `Display`.
    pub fn report(&self) -> &AppReport {
        &self.report
    }

    /// How the application and each part of it is: what `/health/ready` says.
    ///
    /// Asks all health checks at once, each for at most `server.health_check_timeout`.
    pub async fn health(&self) -> HealthReport {
        self.readiness.ask(&self.lifecycle).await
    }

    /// Starts the modules in order.
    ///
    /// | when | then |
    /// | --- | --- |
    /// | a module fails or panics | what had started is stopped in reverse, and the error says so |
    /// | [`stop`](Self::stop) is called meanwhile | the same |
    /// | it was called before | [`StartError::AlreadyStarted`] |
    /// | the future is dropped | what had started stays until [`stop`](Self::stop) |
    ///
    /// # Errors
    ///
    /// See the table.
    pub async fn start(&self) -> Result<(), StartError> {
        self.report.announce();
        self.lifecycle.start().await
    }

    /// Stops in reverse order what has started, within `server.shutdown_deadline`, and says how it went.
    ///
    /// Each module has an equal share of the time that is left; one that takes longer goes on while the
    /// others stop, and is dropped when the whole time is over. A second call finds nothing to stop.
    pub async fn stop(&self) -> StopReport {
        self.lifecycle.stop().await
    }

    /// Starts, serves HTTP when a module brought routes (or `server.address` is set), and stops on SIGTERM or
    /// Ctrl-C. A second signal cuts the stop short.
    ///
    /// 1. The socket is bound; readiness says 503, and so do routes.
    /// 2. The modules start. A signal meanwhile undoes what had started.
    /// 3. Readiness says 200 while all health checks do.
    /// 4. A signal: readiness says 503; after `server.drain_delay` no further request is taken, and running
    ///    ones have until `server.drain_deadline`.
    /// 5. The modules stop within what is left of `server.shutdown_deadline`; then the socket closes.
    ///
    /// It speaks HTTP/1.1 without TLS: that and HTTP/2 are the business of a proxy before it, or of a server
    /// of one's own around the router. A handler that panics answers 500.
    ///
    /// Where no `tracing` subscriber is set, the table of modules goes to standard error.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on, a module does not start, or does not stop cleanly.
    pub async fn run(self) -> Result<(), RunError> {
        let signals = Signals::listen().map_err(RunError::Signal)?;
        self.run_by(StopRequests::Signals(signals)).await
    }

    /// Like [`run`](Self::run), but stops when `stop` completes; signals are left to the caller.
    ///
    /// # Errors
    ///
    /// Those of [`run`](Self::run).
    pub async fn run_until(
        self,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), RunError> {
        self.run_by(StopRequests::Once(Some(Box::pin(stop)))).await
    }

    async fn run_by(self, mut requests: StopRequests) -> Result<(), RunError> {
        if !tracing::dispatcher::has_been_set() {
            eprintln!("{}", self.report);
        }
        #[cfg(feature = "http")]
        if self.http.is_served() {
            return crate::http::run::run(&self, &mut requests).await;
        }
        if self.start_unless_told_to_stop(&mut requests).await? {
            requests.next().await;
            clean(self.hurried_by(&mut requests, self.stop()).await)?;
        }
        Ok(())
    }

    /// Starts; `false` where it was told to stop meanwhile and has undone what had started.
    pub(crate) async fn start_unless_told_to_stop(
        &self,
        requests: &mut StopRequests,
    ) -> Result<bool, RunError> {
        let mut start = std::pin::pin!(self.start());
        tokio::select! {
            started = &mut start => return Ok(started.map(|()| true)?),
            () = requests.next() => {}
        }
        // The stop interrupts the start, which undoes itself: both have to be driven.
        let stop = self.hurried_by(requests, self.stop());
        match tokio::join!(start, stop) {
            (Ok(()), report) => clean(report)?,
            (Err(StartError::Interrupted { undone }), _) => clean(undone)?,
            (Err(error), _) => return Err(error.into()),
        }
        Ok(false)
    }

    /// Drives a stop; being told to stop once more cuts it short.
    pub(crate) async fn hurried_by<T>(
        &self,
        requests: &mut StopRequests,
        stop: impl Future<Output = T>,
    ) -> T {
        let mut stop = std::pin::pin!(stop);
        tokio::select! {
            stopped = &mut stop => return stopped,
            () = requests.next() => self.lifecycle.hurry(),
        }
        stop.await
    }
}

/// Who tells the application to stop.
pub(crate) enum StopRequests {
    Signals(Signals),
    /// One time only; `None` once it has.
    Once(Option<Pin<Box<dyn Future<Output = ()> + Send>>>),
}

impl StopRequests {
    /// Waits until told to stop, once more where it has been told before.
    pub(crate) async fn next(&mut self) {
        match self {
            Self::Signals(signals) => {
                let signal = signals.next().await;
                info!(signal, "told to stop");
            }
            Self::Once(Some(stop)) => {
                stop.await;
                *self = Self::Once(None);
            }
            Self::Once(None) => std::future::pending().await,
        }
    }
}

pub(crate) fn clean(report: StopReport) -> Result<(), RunError> {
    if report.is_clean() {
        Ok(())
    } else {
        Err(RunError::UncleanStop(report))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("name", &self.name())
            .field("phase", &self.lifecycle.phase())
            .finish_non_exhaustive()
    }
}
