//! `cargo xtask test`: every test, on a machine that has nothing but Rust.

mod needs;
mod tally;

pub(crate) use crate::test::tally::Tally;

use crate::failure::{Failure, Result};
use crate::tool::{self, Stream};

/// Everything: code first, then the examples in the documentation; ends with the count of both.
pub(crate) fn run(filter: &[String]) -> Result {
    if let Some(option) = filter.iter().find(|word| word.starts_with('-')) {
        return Err(Failure::new(format!("`test` knows no option `{option}`"))
            .remedy("a filter on test names: cargo xtask test <filter>"));
    }
    let mut tally = Tally::default();
    let code = code(filter, &mut tally)?;
    let documentation = documentation(filter, &mut tally)?;
    println!("\n{tally}");
    code.and(documentation)
}

/// Unit and integration tests, with all features.
pub(crate) fn code(filter: &[String], tally: &mut Tally) -> Result<Result> {
    needs::ensure()?;
    if tool::answers(&mut tool::cargo(["nextest", "--version"])) {
        let command = [
            "nextest",
            "run",
            "--workspace",
            "--all-features",
            "--no-fail-fast",
            "--no-tests=pass",
        ];
        // nextest reports on standard error.
        return tool::run_watching(tool::cargo(command).args(filter), Stream::Stderr, |line| {
            tally.add_nextest(line)
        });
    }
    let command = [
        "test",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--tests",
        "--examples",
    ];
    tool::run_watching(tool::cargo(command).args(filter), Stream::Stdout, |line| {
        tally.add_libtest(line)
    })
}

/// The examples in the documentation, README and guides among them. nextest does not run these.
pub(crate) fn documentation(filter: &[String], tally: &mut Tally) -> Result<Result> {
    needs::ensure()?;
    let command = [
        "test",
        "--workspace",
        "--all-features",
        "--no-fail-fast",
        "--doc",
    ];
    tool::run_watching(tool::cargo(command).args(filter), Stream::Stdout, |line| {
        tally.add_libtest(line)
    })
}
