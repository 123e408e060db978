//! `torture`: a run, a kept history checked again, or one of the pods of a run.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool speaks on standard output"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use caching_torture::{PLAIN_PUBSUB, Settings, TortureError, check, load_kept, pod, run};
use clap::Parser;

/// Breaks a deployment of the cache on purpose, and checks what its pods gave meanwhile against the source.
#[derive(Parser)]
#[command(name = "torture")]
struct Arguments {
    /// What load and faults are drawn from; the same seed makes the same faults.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long faults are made.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Leaves a rule of coherence out, by its name; the run has to find a violation then. May be given several
    /// times.
    #[arg(long, value_name = "RULE")]
    leave_out: Vec<String>,
    /// Leaves out everything that plain publish and subscribe does not have.
    #[arg(long)]
    pubsub: bool,
    /// Ends as soon as a violation is found.
    #[arg(long)]
    until_violation: bool,
    /// Tells nothing of the faults as they are made.
    #[arg(long)]
    quiet: bool,
    /// Checks a kept history again, and does nothing else.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(pod::ARGUMENT) {
        return as_exit_code(pod::serve());
    }
    let arguments = Arguments::parse();
    match &arguments.replay {
        Some(kept) => replay(kept),
        None => torture(&arguments),
    }
}

fn torture(arguments: &Arguments) -> ExitCode {
    let done = settings(arguments).and_then(|settings| {
        let runtime = tokio::runtime::Runtime::new().map_err(|source| TortureError::Io {
            what: "a runtime",
            source,
        })?;
        runtime.block_on(run(&settings))
    });
    match done {
        Ok(report) => {
            println!("{report}");
            if report.is_as_expected() {
                return ExitCode::SUCCESS;
            }
            if !report.left_out.is_empty() {
                eprintln!("error: nothing was found although a rule was left out");
            }
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings(arguments: &Arguments) -> Result<Settings, TortureError> {
    let program = std::env::current_exe().map_err(|source| TortureError::Io {
        what: "this program",
        source,
    })?;
    let duration = Duration::from_secs_f64(60.0 * arguments.minutes.clamp(0.0, 60.0 * 24.0));
    let mut settings = Settings::new(program, arguments.seed, duration);
    settings.until_violation = arguments.until_violation;
    settings.is_loud = !arguments.quiet;
    let plain = if arguments.pubsub { PLAIN_PUBSUB } else { &[] };
    let named = arguments.leave_out.iter().map(String::as_str);
    for rule in plain.iter().copied().chain(named) {
        settings = settings.leave_out(rule)?;
    }
    Ok(settings)
}

fn replay(kept: &Path) -> ExitCode {
    let history = match load_kept(kept) {
        Ok(history) => history,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let verdict = check(&history);
    for violation in &verdict.violations {
        println!("{violation}");
        if let Some(by) = history.invalidations.get(violation.invalidation) {
            println!("    {by:?}");
        }
        println!("    {:?}", violation.read);
    }
    for resting in &verdict.unequal {
        println!("at rest: {resting:?}");
    }
    println!(
        "{} violations in {} reads, {} of {} values unequal at rest",
        verdict.violations.len(),
        verdict.reads,
        verdict.unequal.len(),
        verdict.resting
    );
    if verdict.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn as_exit_code(done: std::io::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
