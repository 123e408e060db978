//! The benchmarks of the cache, run in the release profile.

mod ratios;

use crate::failure::Result;
use crate::tool::{self, Stream};
use ratios::Ratios;

const PEERS: &str = "benches/peers/Cargo.toml";

/// Runs them all, or those that `arguments` select, and prints the ratios of this run.
///
/// Times drift with the machine. Compare ratios of one run, never numbers of two.
///
/// `peers` measures this cache beside others; all benchmarks together include it. `redis` measures the
/// shared level instead, beside bare commands on the same server: all scenes, or those that are named after it.
pub(crate) fn run(arguments: &[String]) -> Result {
    match arguments.split_first() {
        Some((first, scenes)) if first == "peers" => peers(scenes),
        Some((first, scenes)) if first == "redis" => redis(scenes),
        Some(_) => own(arguments),
        None => {
            own(&[])?;
            peers(&[])
        }
    }
}

/// The shared level beside bare commands.
fn redis(scenes: &[String]) -> Result {
    let bench = ["run", "--release", "--package", "caching-bench", "--"];
    tool::run(tool::cargo(bench).args(scenes))
}

/// This cache beside others, in a workspace of its own: what they depend on is not ours.
fn peers(scenes: &[String]) -> Result {
    let bench = [
        "run",
        "--release",
        "--locked",
        "--manifest-path",
        PEERS,
        "--",
    ];
    tool::run(tool::cargo(bench).args(scenes))
}

/// The benchmarks of caching-core, each beside the parts it is made of.
fn own(arguments: &[String]) -> Result {
    // The glob takes every file of benches/ and leaves out the unit tests of the library.
    let bench = ["bench", "--package", "caching-core", "--bench", "*", "--"];
    let mut ratios = Ratios::default();
    tool::run_watching(tool::cargo(bench).args(arguments), Stream::Stdout, |line| {
        ratios.read(line)
    })??;
    print!("\n{ratios}");
    Ok(())
}
