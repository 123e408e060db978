//! How the modules of an application stopped.

use std::fmt;
use std::time::Duration;

use crate::error::Chain;
use crate::{BoxError, Panicked};

/// How the modules of an application stopped, in the order in which they were told to.
#[derive(Debug, Default)]
pub struct StopReport {
    modules: Vec<ModuleStop>,
}

/// How one module stopped.
#[derive(Debug)]
#[non_exhaustive]
pub struct ModuleStop {
    /// The module.
    pub module: &'static str,
    /// How it went.
    pub outcome: StopOutcome,
    /// How long it took, or was waited for.
    pub took: Duration,
}

/// How the stop of a module went.
#[derive(Debug)]
#[non_exhaustive]
pub enum StopOutcome {
    /// It closed, and its tasks ended.
    Stopped,
    /// It, or a task of it, took longer than its share of the time, and ended after the modules that it
    /// depends on had been told to stop.
    Late,
    /// It, or a task of it, had not ended when the time was over, and was dropped.
    Abandoned,
    /// Its `stop` returned an error.
    Failed(BoxError),
    /// Its `stop` panicked.
    Panicked(Panicked),
}

impl StopReport {
    pub(crate) fn new(modules: Vec<ModuleStop>) -> Self {
        Self { modules }
    }

    /// How each module stopped.
    pub fn modules(&self) -> &[ModuleStop] {
        &self.modules
    }

    /// Whether every module closed in time and without an error.
    pub fn is_clean(&self) -> bool {
        self.modules
            .iter()
            .all(|module| matches!(module.outcome, StopOutcome::Stopped))
    }

    /// The modules that took longer than they were given.
    pub fn late(&self) -> impl Iterator<Item = &'static str> {
        self.modules
            .iter()
            .filter(|stop| matches!(stop.outcome, StopOutcome::Late | StopOutcome::Abandoned))
            .map(|stop| stop.module)
    }
}

/// One line: how many stopped, then those that did not stop well.
impl fmt::Display for StopReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_well = |stop: &&ModuleStop| matches!(stop.outcome, StopOutcome::Stopped);
        let well = self.modules.iter().filter(is_well).count();
        write!(f, "{well} of {} modules stopped", self.modules.len())?;
        for stop in self.modules.iter().filter(|stop| !is_well(stop)) {
            write!(f, "; {stop}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ModuleStop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            module,
            outcome,
            took,
        } = self;
        match outcome {
            StopOutcome::Stopped => write!(f, "`{module}` stopped in {took:.1?}"),
            StopOutcome::Late => write!(f, "`{module}` was late: {took:.1?}"),
            StopOutcome::Abandoned => write!(f, "`{module}` was abandoned after {took:.1?}"),
            StopOutcome::Failed(error) => {
                write!(f, "`{module}` failed: {}", Chain(error.as_ref()))
            }
            StopOutcome::Panicked(panicked) => write!(f, "`{module}` {panicked}"),
        }
    }
}
