//! How much the smallest program that caches has to build.

use std::collections::BTreeSet;

use super::Passed;
use crate::failure::{Failure, Result};
use crate::tool;

/// The program that stands for "I only want a cache".
const PROGRAM: &str = "hello-cache";

/// The most crates that `PROGRAM` may build, procedural macros and what they need included.
///
/// Raise it knowingly: each crate is a compile time, a licence and an author to trust for everyone
/// who wants nothing but a cache.
const CEILING: usize = 60;

/// What belongs to hosting, HTTP or a database, and so never to a plain cache.
const NEVER: &[&str] = &[
    "app-host",
    "axum",
    "clap",
    "config",
    "hyper",
    "inventory",
    "redis",
    "sqlx",
];

pub(super) fn check() -> Result<Passed> {
    let tree = tool::read(&mut tool::cargo([
        "tree",
        "--package",
        PROGRAM,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    let crates = crates(&tree);
    let count = crates.len();
    println!("{PROGRAM} builds {count} crates, at most {CEILING} are allowed");
    if !crates.iter().any(|(name, _)| *name == "caching-core") {
        return Err(Failure::new(format!(
            "{PROGRAM} does not use caching-core, so that this measures nothing"
        )));
    }
    if let Some(guest) = NEVER
        .iter()
        .find(|never| crates.iter().any(|(name, _)| name == *never))
    {
        return Err(Failure::new(format!("{PROGRAM} pulls in `{guest}`"))
            .remedy(format!("cargo tree -p {PROGRAM} -e normal -i {guest}")));
    }
    if count > CEILING {
        return Err(Failure::new(format!(
            "{PROGRAM} builds {count} crates, {} more than allowed",
            count - CEILING
        )));
    }
    Ok(Passed::With(format!("{count} of {CEILING} crates")))
}

/// Name and version of each crate but the program itself; `cargo tree` repeats some of them.
fn crates(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?))
        })
        .filter(|(name, _)| *name != PROGRAM)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::crates;

    #[test]
    fn a_crate_is_counted_once_per_version() {
        let tree = "hello-cache v0.1.0 (examples/hello-cache)\n\
                    caching-core v0.1.0 (crates/caching-core)\n\
                    syn v2.0.1 (proc-macro)\n\
                    syn v2.0.1 (*)\n\
                    syn v1.0.9\n\n";
        let crates = crates(tree);
        assert_eq!(crates.len(), 3);
        assert!(crates.contains(&("caching-core", "v0.1.0")));
    }
}
