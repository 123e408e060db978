//! What a pod is started with.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use crate::pod::calls::Calls;
use crate::pod::error::PodError;
use crate::pod::{Pod, lines};
use crate::process::Process;

/// Says what a [`Pod`] is started with. Can be started several times, for as many pods.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct PodBuilder {
    program: PathBuf,
    arguments: Vec<OsString>,
    /// None for a variable that is taken away.
    variables: Vec<(OsString, Option<OsString>)>,
    folder: Option<PathBuf>,
    is_silent: bool,
    time_limit: Duration,
}

impl PodBuilder {
    pub(super) fn new(program: &OsStr) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            variables: Vec::new(),
            folder: None,
            is_silent: false,
            time_limit: Duration::from_secs(30),
        }
    }

    /// An argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().into());
        self
    }

    /// An environment variable, in addition to those of the test.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let value = value.as_ref().to_owned();
        self.variables.push((name.as_ref().into(), Some(value)));
        self
    }

    /// Takes away an environment variable of the test.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().into(), None));
        self
    }

    /// The folder in which it runs, in place of that of the test.
    pub fn current_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Throws away what the pod writes to standard error, which otherwise goes where that of the test goes.
    pub const fn silent(mut self) -> Self {
        self.is_silent = true;
        self
    }

    /// How long the answer to a request may take. Default: thirty seconds.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Starts a pod. Needs a runtime of tokio. Whether the program is ready is for it to say: by a line
    /// ([`Pod::lines`]), or by its answer to a first request.
    ///
    /// # Errors
    ///
    /// [`PodError::NotStarted`] when the program cannot be run.
    pub fn start(&self) -> Result<Pod, PodError> {
        self.try_start().map_err(|source| PodError::NotStarted {
            program: self.program.clone(),
            source,
        })
    }

    fn try_start(&self) -> io::Result<Pod> {
        let mut process = Process::spawn(&mut self.command(), None)?;
        let piped = || io::Error::other("a standard stream was not piped");
        let input = process.take_stdin().ok_or_else(piped)?;
        let output = process.take_stdout().ok_or_else(piped)?;
        let (calls, to_pod) = Calls::new();
        let writing = write(input, to_pod)?;
        let (lines, reading) = read(output, &calls)?;
        Ok(Pod {
            process,
            calls,
            lines: Some(lines),
            time_limit: self.time_limit,
            reader: tokio::spawn(reading),
            writer: tokio::spawn(writing),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if self.is_silent {
            command.stderr(Stdio::null());
        }
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

fn read(
    output: ChildStdout,
    calls: &Calls,
) -> io::Result<(lines::PodLines, impl Future<Output = ()> + Send + use<>)> {
    let output = tokio::process::ChildStdout::from_std(output)?;
    Ok(lines::read(output, calls.waiting().clone()))
}

/// Writes lines until nobody has any more, or the pod reads none.
fn write(
    input: ChildStdin,
    mut lines: mpsc::Receiver<String>,
) -> io::Result<impl Future<Output = ()> + Send> {
    let mut input = tokio::process::ChildStdin::from_std(input)?;
    Ok(async move {
        while let Some(mut line) = lines.recv().await {
            line.push('\n');
            if input.write_all(line.as_bytes()).await.is_err() {
                return; // Dropping the receiver tells the callers.
            }
        }
    })
}
