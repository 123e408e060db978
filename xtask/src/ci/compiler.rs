//! The oldest compiler that we promise, and whether this run is the one that tests it.

use std::fs;
use std::process::Command;

use super::Passed;
use crate::failure::{Failure, Result};
use crate::tool;
use crate::workspace::Workspace;

const WORKFLOW: &str = ".github/workflows/ci.yml";

pub(super) fn check(workspace: &Workspace) -> Result<Passed> {
    let stated = stated(workspace)?;
    let workflow = fs::read_to_string(WORKFLOW)
        .map_err(|error| Failure::new(format!("cannot read {WORKFLOW}: {error}")))?;
    if !tests_version(&workflow, &stated) {
        return Err(Failure::new(format!(
            "{WORKFLOW} does not run on Rust {stated}, the version that Cargo.toml promises"
        )));
    }
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = tool::read(Command::new(rustc).arg("--version"))?;
    let running = release(&output)
        .ok_or_else(|| Failure::new(format!("cannot read the version in `{}`", output.trim())))?;
    let note = if running == release_number(&stated) {
        format!("this run is the test of the stated minimum, Rust {stated}")
    } else {
        format!("the stated minimum, Rust {stated}, is tested by {WORKFLOW}; this is a newer one")
    };
    println!("{note}");
    Ok(Passed::With(note))
}

/// The one version that every member states.
fn stated(workspace: &Workspace) -> Result<String> {
    let mut stated: Option<&str> = None;
    for package in &workspace.packages {
        let own = package.rust_version.as_deref().ok_or_else(|| {
            Failure::new(format!("{} states no Rust version", package.name))
                .remedy("rust-version.workspace = true")
        })?;
        let first = *stated.get_or_insert(own);
        if own != first {
            return Err(Failure::new(format!(
                "{} states Rust {own}, others {first}",
                package.name
            ))
            .remedy("rust-version.workspace = true"));
        }
    }
    stated
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("the workspace has no members"))
}

/// Whether the workflow names that toolchain in a list, in quotes, since YAML reads 1.90 as 1.9.
fn tests_version(workflow: &str, version: &str) -> bool {
    workflow
        .lines()
        .any(|line| line.contains("toolchain:") && line.contains(&format!("\"{version}\"")))
}

/// `rustc 1.95.0 (…)` to `(1, 95)`.
fn release(output: &str) -> Option<(u32, u32)> {
    Some(release_number(output.split_whitespace().nth(1)?))
}

fn release_number(version: &str) -> (u32, u32) {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{release, release_number, tests_version};

    #[test]
    fn a_workflow_has_to_name_the_version_in_quotes() {
        let workflow = "matrix:\n  toolchain: [\"1.95\", stable]\n";
        assert!(tests_version(workflow, "1.95"));
        assert!(!tests_version(workflow, "1.94"));
        assert!(!tests_version("  toolchain: [1.95]", "1.95"));
    }

    #[test]
    fn the_running_compiler_is_compared_without_its_patch_number() {
        assert_eq!(
            release("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some(release_number("1.95"))
        );
    }
}
