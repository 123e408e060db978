//! `cargo xtask tidy`: the rules of the house, each a file of its own.

mod house;

mod arrows;
mod behaviours;
mod crate_table;
mod file_length;
mod first_line;
mod host_rooms;
mod links;
mod machine_paths;
mod reasons;
mod reference;
mod unfinished;
mod write_path;

mod code;
mod finding;
mod markdown;
mod test_names;

use crate::failure::{Failure, Result};
use crate::tidy::finding::{Finding, Weight};
use crate::tidy::house::House;
use crate::workspace::Workspace;

/// One rule.
struct Rule {
    name: &'static str,
    /// What holds, as a sentence.
    says: &'static str,
    /// Why it is worth a failed build.
    why: &'static str,
    check: fn(&House<'_>) -> Vec<Finding>,
}

const RULES: &[Rule] = &[
    Rule {
        name: "arrows",
        says: "a crate uses only the crates that the table allows",
        why: "what a crate does not know it cannot break; a new arrow is a decision page first",
        check: arrows::check,
    },
    Rule {
        name: "host-rooms",
        says: "a crate meets the host in src/module.rs and nowhere else",
        why: "everyone can use the crate as a plain library",
        check: host_rooms::check,
    },
    Rule {
        name: "write-path",
        says: "code that writes raises events and knows no cache",
        why: "an invalidation that a write has to remember is one that it will forget",
        check: write_path::check,
    },
    Rule {
        name: "first-line",
        says: "each file says in its first line what it is",
        why: "a reader chooses a file by its first line; one that needs an `and` is two files",
        check: first_line::check,
    },
    Rule {
        name: "file-length",
        says: "files stay short enough to hold one idea",
        why: "a long file is usually two ideas in one room",
        check: file_length::check,
    },
    Rule {
        name: "unfinished",
        says: "no unwrap(), todo!, dbg! or the like ships, and no test is ignored",
        why: "these end a process, or hide a gap, where an error would have told the caller",
        check: unfinished::check,
    },
    Rule {
        name: "machine-paths",
        says: "no path of somebody's machine is committed",
        why: "it works on that machine only",
        check: machine_paths::check,
    },
    Rule {
        name: "reasons",
        says: "each dependency has its reason beside it",
        why: "a dependency without one is never removed",
        check: reasons::check,
    },
    Rule {
        name: "reference",
        says: "docs/reference/configuration.md has one row for each setting, with its default",
        why: "people configure from that page; a missing row is a missing feature",
        check: reference::check,
    },
    Rule {
        name: "behaviours",
        says: "each line of docs/reference/behaviours.md names tests that exist",
        why: "people rely on what that page says; a line that nothing shows may have ceased to hold",
        check: behaviours::check,
    },
    Rule {
        name: "links",
        says: "links between documents lead somewhere",
        why: "a reader who lands on nothing stops reading",
        check: links::check,
    },
    Rule {
        name: "crate-table",
        says: "the table of crates in README.md is complete",
        why: "it is the map with which everyone begins",
        check: crate_table::check,
    },
];

/// Checks every rule and prints what each one found.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    match arguments {
        [] => {}
        [option] if option == "--fix" => reference::fix(&House::open(workspace)?)?,
        _ => {
            return Err(Failure::new("`tidy` takes no argument but --fix")
                .remedy("cargo xtask tidy, or cargo xtask help"));
        }
    }
    let house = House::open(workspace)?;
    let broken = RULES.iter().filter(|rule| !holds(rule, &house)).count();
    match broken {
        0 => Ok(()),
        1 => Err(Failure::new("1 rule of the house is broken")),
        _ => Err(Failure::new(format!(
            "{broken} rules of the house are broken"
        ))),
    }
}

/// Reports one rule; warnings are shown and do not break it.
fn holds(rule: &Rule, house: &House<'_>) -> bool {
    let findings = (rule.check)(house);
    let holds = findings
        .iter()
        .all(|finding| finding.weight == Weight::Warning);
    let word = if holds { "ok  " } else { "FAIL" };
    println!("{word} {:<14} {}", rule.name, rule.says);
    for finding in &findings {
        println!("       {finding}");
    }
    if !holds {
        println!("       why: {}", rule.why);
    }
    holds
}
