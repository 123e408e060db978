//! The commands of this repository: `cargo xtask <command>`.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool speaks on standard output"
)]

mod ci;
mod test;
mod tidy;

mod bench;
mod demo;
mod torture;

mod failure;
mod tool;
mod workspace;

use std::env;
use std::process::ExitCode;

use crate::failure::{Failure, Result};
use crate::workspace::Workspace;

const HELP: &str = "\
The commands of this repository.

Usage: cargo xtask <command> [options]

  test [filter]          Run every test, the examples in the documentation too.
                         Needs nothing but Rust; uses cargo-nextest when it is installed.

  tidy                   Check the rules of the house: which crate may use which, the first
                         line of a file, reasons beside dependencies, reference tables, links.
  tidy --fix             The same, after rewriting the reference tables from the structs.

  ci                     Every gate, in order, up to the first failure.
  ci --keep-going        Every gate, whatever fails on the way.
  ci <step>...           Only the steps named.
  ci --list              Name the steps.

  bench                  Run the benchmarks of caching-core and print their table; then `bench peers`.
  bench <filter>         Only the benchmarks of caching-core with that in their name.
  bench peers [scene]    Measure this cache beside others: hits, memory, replay, callers.
  bench redis            Measure the shared level beside bare commands on a redis-server.

  torture [options]      Break three pods and a Redis on purpose, and check every value they gave
                         meanwhile. --seed N --minutes M, --leave-out RULE, --pubsub,
                         --replay FILE; --help tells of all.

  demo                   Three pods of the invoice API over one Redis that is flushed, frozen, killed
                         and started again, in 35 seconds: what they answered, in a table.
                         Fails where anything old was given past the bound, or a request failed.
  demo --release         The same with the release build.

  help                   This text.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[] as &[String]),
    };
    match run(command, rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, rest: &[String]) -> Result {
    if matches!(command, "help" | "--help" | "-h") {
        print!("{HELP}");
        return Ok(());
    }
    let workspace = Workspace::load()?;
    // Every command below names files and packages from the top of the repository.
    env::set_current_dir(&workspace.root)
        .map_err(|error| Failure::new(format!("cannot enter the workspace root: {error}")))?;
    match command {
        "ci" => ci::run(&workspace, rest),
        "test" => test::run(rest),
        "tidy" => tidy::run(&workspace, rest),
        "bench" => bench::run(rest),
        "demo" => demo::run(rest),
        "torture" => torture::run(rest),
        unknown => {
            Err(Failure::new(format!("there is no command `{unknown}`")).remedy("cargo xtask help"))
        }
    }
}
