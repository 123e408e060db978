//! Modules started in order; a half start undone.

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::{Instrument, debug, error, info, info_span, warn};

use crate::lifecycle::phase::{ModuleState, Phase};
use crate::lifecycle::{Hosted, Lifecycle};
use crate::panic::catch_async;
use crate::{BoxError, StartError};

/// After so long it is told which module keeps the others waiting.
const PATIENCE: Duration = Duration::from_secs(10);

impl Lifecycle {
    /// Starts the modules in order; on a failure stops in reverse what had started.
    ///
    /// Dropping this future leaves the modules as they are; a stop then closes those that had started.
    pub(crate) async fn start(&self) -> Result<(), StartError> {
        let _turn = self.turn.lock().await;
        if self.phase() != Phase::Built {
            return Err(StartError::AlreadyStarted);
        }
        self.set_phase(Phase::Starting);

        for hosted in &self.modules {
            let started = tokio::select! {
                biased;
                () = self.interrupt.cancelled() => None,
                started = start_one(hosted) => Some(started),
            };
            match started {
                Some(Ok(())) => {}
                Some(Err(source)) => {
                    hosted.set_state(ModuleState::Failed);
                    let module = hosted.name;
                    error!(module, error = %source, "a module did not start; what had started is stopped");
                    let undone = self.stop_modules().await;
                    return Err(StartError::Module {
                        module,
                        source,
                        undone,
                    });
                }
                None => {
                    info!("the start is interrupted; what had started is stopped");
                    let undone = self.stop_modules().await;
                    return Err(StartError::Interrupted { undone });
                }
            }
        }

        self.set_phase(Phase::Running);
        self.facts.started.cancel();
        info!(app = self.facts.name, "the application has started");
        Ok(())
    }
}

async fn start_one(hosted: &Hosted) -> Result<(), BoxError> {
    hosted.set_state(ModuleState::Starting);
    let began = Instant::now();
    let span = info_span!("start", module = hosted.name);
    let mut start = pin!(catch_async(hosted.module.start(&hosted.context)).instrument(span));
    let started = loop {
        match timeout(PATIENCE, start.as_mut()).await {
            Ok(started) => break started,
            Err(_) => {
                warn!(module = hosted.name, waited = ?began.elapsed(), "a module is still starting")
            }
        }
    };
    started.unwrap_or_else(|panicked| Err(panicked.into()))?;
    hosted.set_state(ModuleState::Started);
    debug!(module = hosted.name, took = ?began.elapsed(), "a module has started");
    Ok(())
}
