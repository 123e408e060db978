//! What the tests need beside cargo.

mod redis;

use std::process::Command;

use crate::failure::{Failure, Result};
use crate::tool;

/// One thing that has to be there, and how it gets there when it is not.
struct Need {
    name: &'static str,
    why: &'static str,
    is_present: fn() -> bool,
    /// Brings it, or says how the reader can.
    obtain: fn() -> Result,
}

/// In the order in which they are made sure of.
const NEEDS: &[Need] = &[
    Need {
        name: "a C compiler",
        why: "SQLite and zstd are built from their C sources",
        is_present: has_c_compiler,
        obtain: ask_for_c_compiler,
    },
    Need {
        name: "redis-server",
        why: "tests start real servers of their own",
        is_present: redis::is_present,
        obtain: redis::obtain,
    },
];

/// Sees to it that everything is there before the first test is built.
pub(super) fn ensure() -> Result {
    NEEDS
        .iter()
        .filter(|need| !(need.is_present)())
        .try_for_each(|need| {
            println!("missing: {} ({})", need.name, need.why);
            (need.obtain)()
        })
}

fn has_c_compiler() -> bool {
    // On Windows the C compiler comes with the linker that Rust itself asks for.
    if cfg!(windows) {
        return true;
    }
    let named = std::env::var("CC").unwrap_or_default();
    // It may be a compiler behind a wrapper: `ccache gcc`.
    let mut words = named.split_whitespace();
    let mut compiler = Command::new(words.next().unwrap_or("cc"));
    tool::answers(compiler.args(words).arg("--version"))
}

fn ask_for_c_compiler() -> Result {
    Err(Failure::new("no C compiler found").remedy(
        "install one (Debian: apt install build-essential; macOS: xcode-select --install) \
         or name it in the environment variable CC",
    ))
}
