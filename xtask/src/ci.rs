//! `cargo xtask ci`: the gates that a change passes, in order.

mod ceiling;
mod compiler;
mod deny;
mod examples;
mod features;
mod locks;

use std::time::{Duration, Instant};

use crate::failure::{Failure, Result};
use crate::test::{self, Tally};
use crate::tidy;
use crate::tool;
use crate::workspace::Workspace;

/// One gate.
struct Step {
    name: &'static str,
    about: &'static str,
    /// What to do when it fails.
    remedy: &'static str,
    run: fn(&mut Context<'_>) -> Result<Passed>,
}

/// How a gate let a change through.
enum Passed {
    Well,
    /// Something that the reader should know stands beside it.
    With(String),
    /// It could not look, and says how it could.
    Unseen(String),
}

/// What the gates share.
struct Context<'a> {
    workspace: &'a Workspace,
    tally: Tally,
}

/// Cheap gates first; the tests last, so that their count is the last line of the output.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "sources are formatted",
        remedy: "cargo fmt --all",
        run: |_| tool::run(&mut tool::cargo(["fmt", "--all", "--check"])).map(|()| Passed::Well),
    },
    Step {
        name: "tidy",
        about: "the rules of the house hold",
        remedy: "the line below each finding; CONTRIBUTING.md has the reasons",
        run: |cx| tidy::run(cx.workspace, &[]).map(|()| Passed::Well),
    },
    Step {
        name: "rust",
        about: "one minimum Rust version, stated everywhere alike",
        remedy: "change `rust-version` in Cargo.toml and .github/workflows/ci.yml together",
        run: |cx| compiler::check(cx.workspace),
    },
    Step {
        name: "locks",
        about: "the lock files say what the manifests want",
        remedy: "cargo update --workspace",
        run: |_| locks::check().map(|()| Passed::Well),
    },
    Step {
        name: "ceiling",
        about: "a small program stays small: what hello-cache pulls in",
        remedy: "cargo tree -p hello-cache -e normal; put what is new behind a feature",
        run: |_| ceiling::check(),
    },
    Step {
        name: "deny",
        about: "licences, sources and advisories of dependencies",
        remedy: "cargo deny check; an exception in deny.toml needs its reason",
        run: |_| deny::check(),
    },
    Step {
        name: "clippy",
        about: "no warning anywhere, with all features",
        remedy: "cargo clippy --workspace --all-targets --all-features",
        run: |_| clippy(),
    },
    Step {
        name: "features",
        about: "each library builds with no feature and with each one alone",
        remedy: "run the command above; guard the code with its #[cfg(feature = …)]",
        run: |cx| features::check(cx.workspace),
    },
    Step {
        name: "docs",
        about: "the documentation builds without a warning",
        remedy: "cargo doc --workspace --no-deps --all-features",
        run: |_| documentation(),
    },
    Step {
        name: "examples",
        about: "the examples run to their end",
        remedy: "cargo run -p <example>",
        run: |cx| examples::run(cx.workspace),
    },
    Step {
        name: "doc-tests",
        about: "the examples in the documentation compile and run",
        remedy: "cargo test --workspace --all-features --doc",
        run: |cx| test::documentation(&[], &mut cx.tally)?.map(|()| Passed::Well),
    },
    Step {
        name: "test",
        about: "the tests",
        remedy: "cargo xtask test <name of a test that failed>",
        run: |cx| test::code(&[], &mut cx.tally)?.map(|()| Passed::Well),
    },
];

/// How one step went.
struct Outcome {
    step: &'static Step,
    took: Duration,
    end: Result<Passed>,
}

/// Runs the steps that the arguments ask for.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result {
    let mut keep_going = false;
    let mut chosen: Vec<&'static Step> = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--keep-going" => keep_going = true,
            "--list" => return list(),
            name => chosen.push(step_named(name)?),
        }
    }
    if chosen.is_empty() {
        chosen.extend(STEPS);
    }

    let mut context = Context {
        workspace,
        tally: Tally::default(),
    };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (index, step) in chosen.iter().enumerate() {
        println!(
            "\n== {}/{} {}: {}",
            index + 1,
            chosen.len(),
            step.name,
            step.about
        );
        let began = Instant::now();
        let end = (step.run)(&mut context).map_err(|failure| failure.remedy(step.remedy));
        let took = began.elapsed();
        let failed = end.is_err();
        println!("-- {} took {}", step.name, seconds(took));
        outcomes.push(Outcome { step, took, end });
        if failed && !keep_going {
            break;
        }
    }
    report(&outcomes, chosen.len(), &context.tally)
}

/// The table of what ran, then the count of tests as the last line.
fn report(outcomes: &[Outcome], planned: usize, tally: &Tally) -> Result {
    println!("\n== summary");
    for outcome in outcomes {
        println!("{}", summary(outcome));
    }
    let total = outcomes.iter().map(|outcome| outcome.took).sum();
    println!(
        "{} of {planned} steps ran, {}",
        outcomes.len(),
        seconds(total)
    );
    if !tally.is_empty() {
        println!("\n{tally}");
    }
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| outcome.end.is_err())
        .map(|outcome| outcome.step.name)
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let failed = failed.join(" ");
    Err(Failure::new(format!("ci failed at: {failed}"))
        .remedy(format!("cargo xtask ci {failed}, once mended")))
}

fn summary(outcome: &Outcome) -> String {
    let name = outcome.step.name;
    let took = seconds(outcome.took);
    match &outcome.end {
        Ok(Passed::Well) => format!("  ok       {name:<10} {took:>8}"),
        Ok(Passed::With(note)) => format!("  ok       {name:<10} {took:>8}  {note}"),
        Ok(Passed::Unseen(why)) => format!("  skipped  {name:<10} {took:>8}  {why}"),
        Err(failure) => {
            let told = failure.to_string().replace('\n', &format!("\n{:32}", ""));
            format!("  FAILED   {name:<10} {took:>8}  {told}")
        }
    }
}

fn list() -> Result {
    for step in STEPS {
        println!("{:<10} {}", step.name, step.about);
    }
    Ok(())
}

fn step_named(name: &str) -> Result<&'static Step> {
    STEPS.iter().find(|step| step.name == name).ok_or_else(|| {
        Failure::new(format!("`ci` has no step or option `{name}`"))
            .remedy("cargo xtask ci --list, or cargo xtask help")
    })
}

fn clippy() -> Result<Passed> {
    let arguments = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ];
    tool::run(&mut tool::cargo(arguments)).map(|()| Passed::Well)
}

fn documentation() -> Result<Passed> {
    let arguments = ["doc", "--workspace", "--no-deps", "--all-features"];
    tool::run(tool::cargo(arguments).env("RUSTDOCFLAGS", "-D warnings")).map(|()| Passed::Well)
}

fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        whole @ 60.. => format!("{}m{:02}s", whole / 60, whole % 60),
        _ => format!("{:.1}s", duration.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{STEPS, seconds, step_named};

    #[test]
    fn the_tests_run_last_so_that_their_count_ends_the_output() {
        assert_eq!(STEPS.last().map(|step| step.name), Some("test"));
    }

    #[test]
    fn each_step_has_a_name_of_its_own() {
        for step in STEPS {
            let found = step_named(step.name).map(|found| found.about);
            assert_eq!(found.ok(), Some(step.about));
        }
        assert!(step_named("polish").is_err());
    }

    #[test]
    fn durations_read_well_at_every_size() {
        assert_eq!(seconds(Duration::from_millis(940)), "0.9s");
        assert_eq!(seconds(Duration::from_secs(725)), "12m05s");
    }
}
