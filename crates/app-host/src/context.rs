//! What a module has while it runs.

use std::future::Future;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::panic::catch_async;
use crate::{Config, Environment, Services};

/// What a module has while it runs: the services, the configuration, and tasks of its own.
///
/// Each module has its own; clones are cheap and mean the same module.
#[derive(Clone, Debug)]
pub struct AppContext {
    module: &'static str,
    app: Arc<AppFacts>,
    /// Cancelled when it is this module's turn to stop.
    shutdown: CancellationToken,
    /// Cancelled when the module's tasks have had their time.
    abort: CancellationToken,
    tasks: TaskTracker,
}

/// What is the same for all modules of an application.
#[derive(Debug)]
pub(crate) struct AppFacts {
    pub(crate) name: String,
    pub(crate) config: Config,
    pub(crate) environment: Environment,
    pub(crate) services: Services,
    /// Cancelled when all modules have started.
    pub(crate) started: CancellationToken,
    /// Cancelled when the application begins to stop.
    pub(crate) draining: CancellationToken,
}

impl AppContext {
    pub(crate) fn new(module: &'static str, app: Arc<AppFacts>) -> Self {
        Self {
            module,
            app,
            shutdown: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }
    }

    /// The services of the application, all built.
    pub fn services(&self) -> &Services {
        &self.app.services
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.app.config
    }

    /// Where the application runs.
    pub fn environment(&self) -> &Environment {
        &self.app.environment
    }

    /// The name of the application.
    pub fn app_name(&self) -> &str {
        &self.app.name
    }

    /// Cancelled when it is this module's turn to stop: its dependents have stopped by then, and its
    /// `stop` is about to be called. Tasks of the module end themselves on it.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Cancelled when the application begins to stop: readiness says 503, requests drain, and no module
    /// has been stopped yet. For answers without an end, such as event streams.
    pub fn draining(&self) -> &CancellationToken {
        &self.app.draining
    }

    /// Ends when all modules have started: for a task that needs what others open. It never does where the
    /// start fails; such a task watches [`shutdown`](Self::shutdown) as well, as every task does.
    pub async fn until_started(&self) {
        self.app.started.cancelled().await;
    }

    /// Runs a task that belongs to this module.
    ///
    /// The task watches [`shutdown`](Self::shutdown) and ends; the host waits for it after the module's
    /// `stop`, and drops it where the time is over (the module is then reported as late). A panic of it
    /// is logged.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (module, abort) = (self.module, self.abort.clone());
        // Owned by the tracker of this module: `finish_tasks` waits for it, `abort` drops it.
        self.tasks.spawn(async move {
            let ended = abort.run_until_cancelled(catch_async(task)).await;
            if let Some(Err(panicked)) = ended {
                error!(module, %panicked, "a task of a module ended by a panic");
            }
        });
    }

    pub(crate) fn begin_shutdown(&self) {
        self.shutdown.cancel();
    }

    /// Waits until the tasks of this module have ended.
    pub(crate) async fn finish_tasks(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Drops the tasks of this module at their next await.
    pub(crate) fn abort_tasks(&self) {
        self.abort.cancel();
    }
}
