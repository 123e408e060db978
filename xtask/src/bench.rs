//! The benchmarks of the cache, run in the release profile.

mod ratios;

use crate::failure::Result;
use crate::tool::{self, Stream};
use ratios::Ratios;

/// Runs them all, or those that `arguments` select, and prints the ratios of this run.
///
/// Times drift with the machine. Compare ratios of one run, never numbers of two.
pub(crate) fn run(arguments: &[String]) -> Result {
    // The glob takes every file of benches/ and leaves out the unit tests of the library.
    let bench = ["bench", "--package", "caching-core", "--bench", "*", "--"];
    let mut ratios = Ratios::default();
    tool::run_watching(tool::cargo(bench).args(arguments), Stream::Stdout, |line| {
        ratios.read(line)
    })??;
    print!("\n{ratios}");
    Ok(())
}
