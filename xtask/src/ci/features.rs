//! Each library with no feature, and with each of its features alone.

use super::Passed;
use crate::failure::Result;
use crate::tool;
use crate::workspace::{Package, Workspace};

pub(super) fn check(workspace: &Workspace) -> Result<Passed> {
    let mut count = 0;
    for package in workspace.packages_in("crates") {
        for features in combinations(package) {
            lint(&package.name, features)?;
            count += 1;
        }
    }
    Ok(Passed::With(format!("{count} combinations")))
}

/// No feature, then each alone. `default` is a feature like the others: what most people build.
fn combinations(package: &Package) -> impl Iterator<Item = Option<&str>> {
    std::iter::once(None).chain(package.features.keys().map(|name| Some(name.as_str())))
}

/// Clippy instead of `check`: it turns the warnings of our crates into errors and leaves those of
/// dependencies alone, where RUSTFLAGS would build everything anew.
fn lint(package: &str, feature: Option<&str>) -> Result {
    let mut command = tool::cargo(["clippy", "--quiet", "--package", package]);
    command.arg("--no-default-features");
    if let Some(feature) = feature {
        command.args(["--features", feature]);
    }
    tool::run(command.args(["--", "-D", "warnings"]))
}

#[cfg(test)]
mod tests {
    use super::combinations;
    use crate::workspace::Package;

    #[test]
    fn no_feature_comes_first_and_each_feature_alone_after_it() {
        let mut package = Package::example("crates", "cache", &[], &[]);
        for name in ["host", "default"] {
            package.features.insert(name.to_owned(), Vec::new());
        }
        let combinations: Vec<_> = combinations(&package).collect();
        assert_eq!(combinations, [None, Some("default"), Some("host")]);
    }
}
