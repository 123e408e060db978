//! The torture of a deployment, run in the release profile.

use crate::failure::Result;
use crate::tool;

/// Builds the program with every switch in it, and gives it `arguments`.
pub(crate) fn run(arguments: &[String]) -> Result {
    let program = [
        "run",
        "--release",
        "--package",
        "caching-torture",
        "--features",
        "switches",
        "--bin",
        "torture",
        "--",
    ];
    tool::run(tool::cargo(program).args(arguments))
}
