//! Licences, sources and known vulnerabilities of what we depend on.

use super::Passed;
use crate::failure::Result;
use crate::tool;

/// What needs no network first; advisories when their database can be had.
pub(super) fn check() -> Result<Passed> {
    if !tool::answers(&mut tool::cargo(["deny", "--version"])) {
        let why = "cargo-deny is not installed: cargo install cargo-deny --locked \
                   (the workflow runs it in any case)";
        println!("skipped: {why}");
        return Ok(Passed::Unseen(why.to_owned()));
    }
    deny(&["check", "bans", "licenses", "sources"])?;
    if !tool::answers(&mut tool::cargo(["deny", "--all-features", "fetch", "db"])) {
        let note = "advisories not checked: their database cannot be reached";
        println!("{note}");
        return Ok(Passed::With(note.to_owned()));
    }
    deny(&["check", "--disable-fetch", "advisories"])?;
    Ok(Passed::Well)
}

fn deny(arguments: &[&str]) -> Result {
    // Why a crate is there at all: `cargo tree -i`. The graphs would bury what is wrong.
    tool::run(
        tool::cargo(["deny", "--all-features"])
            .args(arguments)
            .arg("--hide-inclusion-graph"),
    )
}
