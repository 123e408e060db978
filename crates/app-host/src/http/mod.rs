//! Routes of modules, health endpoints, and a server for them.

pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod running;

mod gate;
mod health_routes;
mod problem;
mod router;
mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;

use crate::assembly::assemble::Assembly;
use crate::http::plan::HttpPlan;
use crate::http::running::RunningApp;
use crate::lifecycle::Lifecycle;
use crate::readiness::Readiness;
use crate::{App, RunError, ServerConfig, StartError};

/// What an application answers over HTTP.
pub(crate) struct HttpApp {
    /// Everything: routes of modules and of the host.
    router: Router,
    /// What answers while modules stop: open routes and those of the host, and 503 to everything else.
    stopping_router: Router,
    server: ServerConfig,
    /// Whether there is something to serve.
    is_served: bool,
    /// Where the address comes from, for the message when it cannot be listened on.
    address_setting: String,
    /// The socket, where it was bound before the run. A std lock: held for one take, never across an await.
    bound: Mutex<Option<std::net::TcpListener>>,
}

impl HttpApp {
    pub(crate) fn assemble(
        assembly: &mut Assembly<'_>,
        plan: HttpPlan,
        lifecycle: &Arc<Lifecycle>,
        readiness: &Arc<Readiness>,
        server: &ServerConfig,
    ) -> Self {
        let config = &lifecycle.facts().config;
        let is_address_set = config.contains("server.address");
        let is_served = is_address_set || !plan.is_empty();
        let address_setting = match config.origin("server.address") {
            Some(origin) if is_address_set => format!("`server.address` in {origin}"),
            _ => "`server.address` by default".to_owned(),
        };
        let health = health_routes::router(lifecycle, readiness);
        let routers = router::assemble(assembly, plan, health, lifecycle, server);
        Self {
            router: routers.all,
            stopping_router: gate::stopping(routers.open),
            server: server.clone(),
            is_served,
            address_setting,
            bound: Mutex::new(None),
        }
    }

    pub(crate) fn is_served(&self) -> bool {
        self.is_served
    }
}

/// With the feature `http`.
impl App {
    /// Everything that the application answers over HTTP: for tests without a socket, or for a server of
    /// one's own.
    ///
    /// Routes of modules answer 503 until [`start`](App::start) has completed, and again when the application
    /// stops; `/health/live`, `/health/ready` and open routes answer at any time.
    pub fn router(&self) -> Router {
        self.http.router.clone()
    }

    /// Starts the application and hands its router to an axum program, together with what stops it.
    ///
    /// ```no_run
    /// # async fn example(app: app_host::App, listener: tokio::net::TcpListener)
    /// # -> Result<(), app_host::BoxError> {
    /// let (router, running) = app.into_router().await?;
    /// let router = axum::Router::new()
    ///     .route("/", axum::routing::get(|| async { "mine" }))
    ///     .merge(router);
    /// axum::serve(listener, router)
    ///     .with_graceful_shutdown(running.told_to_stop())
    ///     .await?;
    /// println!("{}", running.stop().await);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// To answer readiness while modules start, serve [`router`](App::router) and call
    /// [`start`](App::start) meanwhile instead.
    ///
    /// # Errors
    ///
    /// A module does not start; what had started has been stopped.
    pub async fn into_router(self) -> Result<(Router, RunningApp), StartError> {
        self.start().await?;
        Ok((self.router(), RunningApp::new(self)))
    }

    /// Binds the socket of `server.address` now; [`run`](App::run) then serves on it, whether or not there are
    /// routes. Tells the port where the setting leaves it open.
    ///
    /// # Errors
    ///
    /// [`RunError::Bind`]: the address is in use, not ours, or no address.
    pub async fn bind(&mut self) -> Result<SocketAddr, RunError> {
        let listener = server::bind(&self.http.server, &self.http.address_setting).await?;
        let address = listener
            .local_addr()
            .map_err(|source| self.http.bind_error(source))?;
        self.http.bound = Mutex::new(Some(listener));
        self.http.is_served = true;
        Ok(address)
    }
}

impl HttpApp {
    fn bind_error(&self, source: io::Error) -> RunError {
        RunError::Bind {
            address: self.server.address.clone(),
            setting: self.address_setting.clone(),
            source,
        }
    }
}
