//! The benchmarks of the cache, run in the release profile.

mod ratios;

use crate::failure::Result;
use crate::tool::{self, Stream};
use ratios::Ratios;

/// Runs them all, or those that `arguments` select, and prints the ratios of this run.
///
/// Times drift with the machine. Compare ratios of one run, never numbers of two.
///
/// `redis` measures the shared level instead, beside bare commands on the same server.
pub(crate) fn run(arguments: &[String]) -> Result {
    if arguments.first().is_some_and(|first| first == "redis") {
        let bench = ["run", "--release", "--package", "caching-bench"];
        return tool::run(&mut tool::cargo(bench));
    }
    // The glob takes every file of benches/ and leaves out the unit tests of the library.
    let bench = ["bench", "--package", "caching-core", "--bench", "*", "--"];
    let mut ratios = Ratios::default();
    tool::run_watching(tool::cargo(bench).args(arguments), Stream::Stdout, |line| {
        ratios.read(line)
    })??;
    print!("\n{ratios}");
    Ok(())
}
