//! A child process that cannot outlive its owner.

mod watchdog;

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::thread::{self, JoinHandle};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, kill_process_group, waitid,
};
use tokio::sync::watch;

use crate::process::watchdog::Watchdog;

/// A child in a process group of its own: signals reach it and what it started, and Ctrl-C in a terminal
/// does not.
///
/// It is killed when this is dropped, and by its watchdog when our own process ends without dropping
/// anything (a test that aborts, a static, `kill -9`).
#[derive(Debug)]
pub(crate) struct Process {
    /// Reaped in `drop` and nowhere else. Until then the id is ours, and no signal can hit a stranger.
    child: Child,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// Waits for the end without reaping. It ends with the child, and `drop` waits for it.
    waiter: Option<JoinHandle<()>>,
    watchdog: Watchdog,
}

impl Process {
    /// Starts a program with its watchdog, which also removes `folder` where it has to act.
    pub(crate) fn spawn(command: &mut Command, folder: Option<&Path>) -> io::Result<Self> {
        // Before the child, which is then without it for no longer than a write to a pipe takes.
        let watchdog = Watchdog::start(folder)?;
        let child = command.process_group(0).spawn()?;
        let (sender, exit) = watch::channel(None);
        let group = Pid::from_child(&child);
        let mut process = Self {
            child,
            exit,
            waiter: None,
            watchdog,
        };
        // From here on `drop` kills the child if anything fails.
        process.watchdog.guard(group.as_raw_nonzero().get())?;
        process.waiter = Some(
            thread::Builder::new()
                .name(format!("wait for {}", process.id()))
                .spawn(move || {
                    if let Ok(status) = wait_without_reaping(group) {
                        sender.send_replace(Some(status));
                    }
                })?,
        );
        Ok(process)
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The pipe to its standard input, once.
    pub(crate) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The pipe from its standard output, once.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Stops it where it stands (SIGSTOP). It does not run any more when this returns.
    pub(crate) fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)?;
        // The signal is only on its way until the kernel says that all threads have stopped; an exit ends
        // the wait too. Microseconds: a process cannot put SIGSTOP off.
        let either = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        wait(self.group(), either).map(drop)
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Asks it to end (SIGTERM). It alone: what it has started is its own to end.
    pub(crate) fn terminate(&self) -> io::Result<()> {
        self.told(kill_process(self.group(), Signal::TERM))
    }

    /// Ends it (SIGKILL).
    pub(crate) fn kill(&self) -> io::Result<()> {
        self.signal(Signal::KILL)
    }

    /// How it ended, if it has.
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits until it has ended.
    pub(crate) async fn exited(&self) -> io::Result<ExitStatus> {
        let mut exit = self.exit.clone();
        let lost = |_| io::Error::other("the end of a child process was missed");
        let status = exit.wait_for(Option::is_some).await.map_err(lost)?;
        status.ok_or_else(|| io::Error::other("a child process ended without a status"))
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        self.told(kill_process_group(self.group(), signal))
    }

    /// What has ended takes no signals, and Linux and macOS say so in different ways.
    fn told(&self, sent: rustix::io::Result<()>) -> io::Result<()> {
        match sent {
            Err(_) if self.exit_status().is_some() => Ok(()),
            sent => Ok(sent?),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Neither can fail on a child that is ours and not reaped; there is nobody to tell either.
        let _ = self.kill();
        if let Some(waiter) = self.waiter.take() {
            let _ = waiter.join();
        }
        // Before the child is reaped: afterwards its id may be given to a stranger.
        self.watchdog.dismiss();
        let _ = self.child.wait();
    }
}

fn wait_without_reaping(group: Pid) -> io::Result<ExitStatus> {
    let status = wait(group, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    // As `wait(2)` packs it: the code in the second byte, the signal in the first.
    let raw = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => (code & 0xff) << 8,
        (None, Some(signal)) => signal,
        (None, None) => return Err(io::Error::other("a child process ended in no known way")),
    };
    Ok(ExitStatus::from_raw(raw))
}

fn wait(process: Pid, options: WaitIdOptions) -> io::Result<WaitIdStatus> {
    loop {
        match waitid(WaitId::Pid(process), options) {
            Ok(Some(status)) => return Ok(status),
            // Interrupted by a signal of our own process.
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
