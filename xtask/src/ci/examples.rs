//! The examples that end by themselves, run to their end.

use std::time::Duration;

use super::Passed;
use crate::failure::{Failure, Result};
use crate::tool;
use crate::workspace::Workspace;

/// They print something and end.
const ENDING: &[&str] = &["custom-module", "hello-cache", "two-pods"];

/// They serve until they are stopped; their own tests start and stop them.
const SERVING: &[&str] = &["invoice-api"];

/// An example of one screen needs no more than that once it is built.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) fn run(workspace: &Workspace) -> Result<Passed> {
    for package in workspace.packages_in("examples") {
        let name = package.name.as_str();
        if !ENDING.contains(&name) && !SERVING.contains(&name) {
            return Err(
                Failure::new(format!("nobody has said whether example `{name}` ends"))
                    .remedy("add it to ENDING or SERVING in xtask/src/ci/examples.rs"),
            );
        }
    }
    for name in ENDING {
        // Built first, so that the limit is on the example and not on the compiler.
        tool::run(&mut tool::cargo(["build", "--package", name]))?;
        let run = ["run", "--quiet", "--package", name];
        tool::run_within(&mut tool::cargo(run), LIMIT)?;
    }
    Ok(Passed::With(format!(
        "ran {}; {} serves and has tests of its own",
        ENDING.join(", "),
        SERVING.join(", ")
    )))
}
