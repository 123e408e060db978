//! A child process that is frozen, killed, and never left behind.

use std::process::{Child, Command};

use crate::failure::{Failure, Result};
use crate::tool;

/// A child process. Dropping it kills it.
pub(super) struct Process {
    name: String,
    child: Child,
}

impl Process {
    pub(super) fn start(name: &str, command: &mut Command) -> Result<Self> {
        let child = command
            .spawn()
            .map_err(|error| Failure::new(format!("cannot start {name}: {error}")))?;
        Ok(Self {
            name: name.to_owned(),
            child,
        })
    }

    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// As `kill -9` does.
    pub(super) fn kill(&mut self) -> Result {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed
            .map(drop)
            .map_err(|error| Failure::new(format!("cannot kill {}: {error}", self.name)))
    }

    pub(super) fn freeze(&self) -> Result {
        self.signal("STOP")
    }

    pub(super) fn thaw(&self) -> Result {
        self.signal("CONT")
    }

    /// The standard library sends no signal but SIGKILL.
    fn signal(&self, signal: &str) -> Result {
        let id = self.child.id().to_string();
        if tool::answers(Command::new("kill").args(["-s", signal, &id])) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "cannot send SIG{signal} to {}",
            self.name
        )))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended. SIGKILL also ends what is frozen.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
