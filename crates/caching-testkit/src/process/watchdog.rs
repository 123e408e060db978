//! Kills a child process when the process that started it is gone.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Reads the process group to guard, then waits: for a line, which dismisses it, or for the end of its input,
/// which comes when our process ends in whatever way. Its argument is a folder to remove then, or empty.
///
/// `kill` is written as POSIX has it; dash knows no other form for a group.
const SCRIPT: &str = r#"
read -r group && [ "$group" ] || exit
read -r dismissed && exit
kill -s KILL -- "-$group"
[ -z "$1" ] || rm -rf -- "$1"
"#;

/// A shell that waits at a pipe whose other end only we hold.
///
/// Nothing else is sure: destructors do not run in a process that is killed, and asking the kernel
/// (`PR_SET_PDEATHSIG`) exists on Linux only, follows the thread and not the process, and has no safe form.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Option<Child>,
}

impl Watchdog {
    /// A watchdog that guards no process yet, and the folder that goes with it.
    pub(super) fn start(folder: Option<&Path>) -> io::Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(folder.unwrap_or(Path::new("")))
            // Out of reach of Ctrl-C, which would leave the child without it.
            .process_group(0)
            .stdin(Stdio::piped())
            // A pipe of ours that it kept open would look to a test runner like a test that goes on.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { shell: Some(shell) })
    }

    /// Tells it which process group to kill.
    pub(super) fn guard(&mut self, group: i32) -> io::Result<()> {
        self.write(&format!("{group}\n"))
    }

    /// Sends it away. The group is left alone from now on.
    pub(super) fn dismiss(&mut self) {
        // Where it was never told a group it ends as well.
        let _ = self.write("\n");
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            // Nothing is left for it to wait for, so that this is short.
            let _ = shell.wait();
        }
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        match self.shell.as_mut().and_then(|shell| shell.stdin.as_mut()) {
            Some(pipe) => pipe.write_all(line.as_bytes()),
            None => Ok(()),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.dismiss();
    }
}
