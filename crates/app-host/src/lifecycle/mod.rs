//! From built to started to stopped.

pub(crate) mod phase;
pub(crate) mod stop_report;

mod start;
mod stop;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::context::AppFacts;
use crate::lifecycle::phase::{ModuleState, Phase};
use crate::{AppContext, Module};

/// The enabled modules of one application and how far each is.
pub(crate) struct Lifecycle {
    modules: Vec<Hosted>,
    facts: Arc<AppFacts>,
    /// Where the application is; readiness and the gate before the routes look at it.
    phase: watch::Sender<Phase>,
    /// Told by a stop that comes while modules start.
    interrupt: CancellationToken,
    /// Told by a second termination signal: whoever is waited for is late now.
    hurry: CancellationToken,
    /// Start and stop exclude one another, and a stop waits for the undo of a half start. A tokio lock, as
    /// it is held across their awaits; whoever waits for it can be cancelled without harm.
    turn: AsyncMutex<()>,
    deadline: Duration,
}

/// A module in its application.
pub(crate) struct Hosted {
    pub(crate) name: &'static str,
    module: Arc<dyn Module>,
    context: AppContext,
    /// A std lock: held for one assignment or read, never across an await.
    state: Mutex<ModuleState>,
}

impl Hosted {
    pub(crate) fn state(&self) -> ModuleState {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_state(&self, state: ModuleState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl Lifecycle {
    /// `modules` in the order of their start; `deadline` bounds a stop in all.
    pub(crate) fn new(
        modules: Vec<(&'static str, Arc<dyn Module>)>,
        facts: Arc<AppFacts>,
        deadline: Duration,
    ) -> Self {
        let modules = modules.into_iter().map(|(name, module)| Hosted {
            name,
            module,
            context: AppContext::new(name, Arc::clone(&facts)),
            state: Mutex::new(ModuleState::Waiting),
        });
        Self {
            modules: modules.collect(),
            facts,
            phase: watch::Sender::new(Phase::Built),
            interrupt: CancellationToken::new(),
            hurry: CancellationToken::new(),
            turn: AsyncMutex::new(()),
            deadline,
        }
    }

    pub(crate) fn facts(&self) -> &Arc<AppFacts> {
        &self.facts
    }

    pub(crate) fn modules(&self) -> &[Hosted] {
        &self.modules
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    fn set_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Readiness says 503 from now on; requests are still served.
    pub(crate) fn begin_draining(&self) {
        self.phase.send_if_modified(|phase| {
            let is_running = *phase == Phase::Running;
            if is_running {
                *phase = Phase::Draining;
            }
            is_running
        });
        self.facts.draining.cancel();
    }

    /// Whoever is waited for is late from now on.
    pub(crate) fn hurry(&self) {
        self.hurry.cancel();
    }

    #[cfg(feature = "http")]
    pub(crate) fn hurried(&self) -> &CancellationToken {
        &self.hurry
    }

    #[cfg(feature = "http")]
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }
}

impl Drop for Lifecycle {
    /// An application that is dropped without a stop leaves no task behind.
    fn drop(&mut self) {
        let phase = self.phase();
        if !matches!(phase, Phase::Built | Phase::Stopped) {
            let app = &self.facts.name;
            warn!(app, %phase, "the application was dropped without a stop; its tasks are dropped");
        }
        self.facts.draining.cancel();
        for hosted in &self.modules {
            hosted.context.begin_shutdown();
            hosted.context.abort_tasks();
        }
    }
}
