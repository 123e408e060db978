//! Where an application and its modules are.

use std::fmt;

/// Where an application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Built,
    Starting,
    Running,
    /// Told to stop: readiness says no, requests are served to their end.
    Draining,
    /// Modules are being stopped.
    Stopping,
    Stopped,
}

/// How far one module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ModuleState {
    Waiting,
    Starting,
    Started,
    Failed,
    Stopping,
    Stopped,
}

impl Phase {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining | Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

impl ModuleState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Started => "started",
            Self::Failed => "failed",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
