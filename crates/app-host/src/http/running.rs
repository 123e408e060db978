//! A started application whose router serves in somebody else's program.

use std::future::Future;

use tracing::warn;

use crate::{App, AppReport, Services, StopReport, shutdown_signal};

/// A started application whose router serves in an axum program; made by [`App::into_router`].
///
/// Keep it while the program serves, and [`stop`](Self::stop) it afterwards. Dropped without a stop, it drops
/// the tasks of its modules, and its routes answer 503.
#[derive(Debug)]
#[must_use = "dropping it ends the application"]
pub struct RunningApp {
    app: App,
}

impl RunningApp {
    pub(crate) fn new(app: App) -> Self {
        Self { app }
    }

    /// The services.
    pub fn services(&self) -> &Services {
        self.app.services()
    }

    /// The modules and what they provide.
    pub fn report(&self) -> &AppReport {
        self.app.report()
    }

    /// Says 503 at readiness from now on; requests are still served. The first step of a stop.
    pub fn begin_draining(&self) {
        self.app.lifecycle.begin_draining();
    }

    /// Completes on SIGTERM or Ctrl-C, having called [`begin_draining`](Self::begin_draining): for
    /// `with_graceful_shutdown` of `axum::serve`.
    pub fn told_to_stop(&self) -> impl Future<Output = ()> + Send + 'static {
        // Weak: the future stays with the server, which must not keep a dropped application alive.
        let lifecycle = std::sync::Arc::downgrade(&self.app.lifecycle);
        async move {
            if let Err(error) = shutdown_signal().await {
                warn!(%error, "cannot listen for termination signals; stop the server by other means");
                return std::future::pending().await;
            }
            if let Some(lifecycle) = lifecycle.upgrade() {
                lifecycle.begin_draining();
            }
        }
    }

    /// Stops the modules in reverse order; see [`App::stop`].
    pub async fn stop(self) -> StopReport {
        self.app.stop().await
    }
}
