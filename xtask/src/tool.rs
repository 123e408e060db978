//! An outside command, run in sight of the reader.

use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};

/// The cargo that runs us, so that `cargo +stable xtask` stays on stable.
pub(crate) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a command with its output where the reader sees it.
pub(crate) fn run(command: &mut Command) -> Result {
    println!("$ {}", line(command));
    let status = command
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    succeeded(command, status)
}

/// Runs a command and stops it when it takes longer than `limit`.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result {
    println!("$ {}", line(command));
    let mut child = command
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    match wait_within(&mut child, limit)? {
        Some(status) => succeeded(command, status),
        None => Err(Failure::new(format!(
            "`{}` was still running after {}s",
            line(command),
            limit.as_secs()
        ))),
    }
}

/// Runs a command in silence and gives back what it wrote to standard output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    succeeded(command, output.status)?;
    String::from_utf8(output.stdout)
        .map_err(|_| Failure::new(format!("`{}` did not print UTF-8", line(command))))
}

/// Whether a command starts and ends well; says nothing.
pub(crate) fn answers(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The stream of a command on which [`run_watching`] listens.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// Runs a command, shows its output, and hands each line of one stream to `see` on the way.
///
/// The outer result says whether the command could be run, the inner one how it ended: what `see`
/// has learned is worth keeping in both cases.
pub(crate) fn run_watching(
    command: &mut Command,
    stream: Stream,
    mut see: impl FnMut(&str),
) -> Result<Result> {
    println!("$ {}", line(command));
    match stream {
        Stream::Stdout => command.stdout(Stdio::piped()),
        Stream::Stderr => command.stderr(Stdio::piped()),
    };
    let mut child = command
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let source: Option<Box<dyn Read>> = match stream {
        Stream::Stdout => child.stdout.take().map(|pipe| Box::new(pipe) as _),
        Stream::Stderr => child.stderr.take().map(|pipe| Box::new(pipe) as _),
    };
    if let Some(source) = source {
        show_lines(source, &mut see)
            .map_err(|error| Failure::new(format!("lost the output: {error}")))?;
    }
    let status = child
        .wait()
        .map_err(|error| Failure::new(format!("lost a child process: {error}")))?;
    Ok(succeeded(command, status))
}

fn show_lines(source: Box<dyn Read>, see: &mut impl FnMut(&str)) -> std::io::Result<()> {
    let mut source = BufReader::new(source);
    let mut bytes = Vec::new();
    while source.read_until(b'\n', &mut bytes)? > 0 {
        std::io::stdout().write_all(&bytes)?;
        see(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    std::io::stdout().flush()
}

fn wait_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let lost = |error| Failure::new(format!("lost a child process: {error}"));
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(lost)? {
            return Ok(Some(status));
        }
        if began.elapsed() >= limit {
            child.kill().map_err(lost)?;
            child.wait().map_err(lost)?;
            return Ok(None);
        }
        // The standard library has no wait with a time limit; a short pause costs nothing here.
        thread::sleep(Duration::from_millis(20));
    }
}

fn succeeded(command: &Command, status: ExitStatus) -> Result {
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "`{}` ended with {status}",
        line(command)
    )))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start `{}`: {error}", line(command)))
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(command.get_program());
    let mut words = vec![name.to_string_lossy().into_owned()];
    for (name, value) in command.get_envs() {
        let value = value.unwrap_or_default().to_string_lossy();
        words.insert(0, format!("{}='{value}'", name.to_string_lossy()));
    }
    words.extend(
        command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned()),
    );
    words.join(" ")
}
