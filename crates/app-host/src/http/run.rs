//! An application served from its socket, from start to stop.

use std::sync::PoisonError;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::app::{StopRequests, clean};
use crate::http::server::{self, Server};
use crate::{App, RunError};

/// What health endpoints get to end their answers after the modules have stopped.
const LAST_ANSWERS: std::time::Duration = std::time::Duration::from_millis(200);

/// Binds, starts, serves, drains, stops.
pub(crate) async fn run(app: &App, requests: &mut StopRequests) -> Result<(), RunError> {
    let http = &app.http;
    let bound = http
        .bound
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let listener = match bound {
        Some(listener) => listener,
        None => server::bind(&http.server, &http.address_setting).await?,
    };
    let failed = |source| http.bind_error(source);
    let address = listener.local_addr().map_err(failed)?;
    // The same socket twice: while the modules stop, it answers health endpoints only.
    let second = listener.try_clone().map_err(failed)?;
    let serving = Server::begin(listener, app.router(), &http.server).map_err(failed)?;
    info!(%address, "listening");

    if !app.start_unless_told_to_stop(requests).await? {
        return Ok(());
    }
    requests.next().await;
    app.hurried_by(requests, stop(app, serving, second)).await
}

async fn stop(app: &App, serving: Server, socket: std::net::TcpListener) -> Result<(), RunError> {
    let (http, lifecycle) = (&app.http, &app.lifecycle);
    let (began, hurry) = (Instant::now(), lifecycle.hurried());

    lifecycle.begin_draining();
    hurry
        .run_until_cancelled(sleep(http.server.drain_delay))
        .await;

    let stopping = Server::begin(socket, http.stopping_router.clone(), &http.server);
    if let Err(error) = &stopping {
        warn!(%error, "health endpoints are not answered while modules stop");
    }
    let cut = serving
        .stop(began + http.server.drain_deadline, hurry)
        .await;
    if cut > 0 {
        let deadline = http.server.drain_deadline;
        warn!(
            cut,
            ?deadline,
            "connections were cut off, as their requests did not end in time"
        );
    }

    let left = lifecycle.deadline().saturating_sub(began.elapsed());
    let report = lifecycle.stop_within(left).await;
    if let Ok(stopping) = stopping {
        stopping.stop(Instant::now() + LAST_ANSWERS, hurry).await;
    }
    clean(report)
}
