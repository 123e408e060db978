//! Whether the lock files say what the manifests want: what is measured or released is built from them as they are.

use crate::failure::{Failure, Result};
use crate::tool;

/// Each workspace has one of its own.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "benches/peers/Cargo.toml"];

pub(super) fn check() -> Result {
    for manifest in MANIFESTS {
        let update = [
            "update",
            "--workspace",
            "--locked",
            "--quiet",
            "--manifest-path",
            manifest,
        ];
        tool::run(&mut tool::cargo(update)).map_err(|failure| {
            Failure::new(format!("the lock file beside {manifest}: {failure}")).remedy(format!(
                "cargo update --workspace --manifest-path {manifest}"
            ))
        })?;
    }
    Ok(())
}
