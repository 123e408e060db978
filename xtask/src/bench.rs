//! The benchmarks of the cache, run in the release profile.

use crate::failure::Result;
use crate::tool;

/// Runs them all, or those that `arguments` select; the benchmark prints its own table.
///
/// Times drift with the machine. Compare ratios of one run, never numbers of two.
pub(crate) fn run(arguments: &[String]) -> Result {
    // The glob takes every file of benches/ and leaves out the unit tests of the library.
    let bench = ["bench", "--package", "caching-core", "--bench", "*", "--"];
    tool::run(tool::cargo(bench).args(arguments))
}
