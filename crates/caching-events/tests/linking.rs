//! Real programs, with and without the line that links a crate of handlers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]
#![cfg(feature = "host")]

use std::path::Path;
use std::process::{Command, Output};

/// Builds a program of `tests/fixtures/linking/program` and runs it in an empty directory.
fn run(program: &str) -> Output {
    let fixture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/linking/program/Cargo.toml"
    );
    // The target directory of this test, so that what both need is built once.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the directory is `tmp` inside the target directory");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--manifest-path", fixture])
        .args(["--bin", program, "--target-dir"])
        .arg(target)
        .output()
        .expect("cargo runs, as it runs this test");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let name = format!("{program}{}", std::env::consts::EXE_SUFFIX);
    Command::new(target.join("debug").join(name))
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .expect("the program was just built")
}

#[test]
fn a_program_with_the_line_finds_its_handlers_and_one_without_it_fails_at_start_and_names_them() {
    let linked = run("linked");
    let out = String::from_utf8_lossy(&linked.stdout);
    assert!(linked.status.success(), "{linked:?}");
    assert_eq!(out, "notified of invoice 7\n");

    let forgotten = run("forgotten");
    let told = String::from_utf8_lossy(&forgotten.stderr);
    assert_eq!(forgotten.status.code(), Some(1), "{forgotten:?}");
    assert!(
        told.contains("no handler of the event `invoice.paid` is linked"),
        "{told}"
    );
    assert!(
        told.contains("the event handler `linking_handlers::notify` is not linked"),
        "{told}"
    );
    assert!(
        told.contains("add `use linking_handlers as _;` to the program's main.rs"),
        "{told}"
    );
    assert!(forgotten.stdout.is_empty());
}
