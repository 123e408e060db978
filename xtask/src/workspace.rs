//! The workspace as `cargo metadata` describes it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::failure::{Failure, Result};
use crate::tool;

/// Our own packages and where they live.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "workspace_root")]
    pub(crate) root: PathBuf,
    pub(crate) packages: Vec<Package>,
}

/// One member of the workspace.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) rust_version: Option<String>,
    manifest_path: PathBuf,
    /// Feature name to what it turns on; `default` is one of them.
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency line of a member.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(default)]
    kind: Option<String>,
}

impl Workspace {
    /// Asks cargo. Needs no network: dependencies of dependencies are left out.
    pub(crate) fn load() -> Result<Self> {
        let json = tool::read(&mut tool::cargo([
            "metadata",
            "--no-deps",
            "--format-version=1",
        ]))?;
        serde_json::from_str(&json)
            .map_err(|error| Failure::new(format!("cannot read `cargo metadata`: {error}")))
    }

    /// The packages in one top directory, in order of name: `crates`, `examples`. Not those deeper down,
    /// which are programs that a test builds.
    pub(crate) fn packages_in(&self, directory: &str) -> Vec<&Package> {
        let parent = self.root.join(directory);
        let mut found: Vec<&Package> = self
            .packages
            .iter()
            .filter(|package| package.manifest_path.ancestors().nth(2) == Some(&parent))
            .collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// Whether a dependency of that name is a member of the workspace.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package.name == name)
    }
}

impl Package {
    /// Whether it exists for a test only: a program that the test builds and runs.
    pub(crate) fn is_fixture(&self) -> bool {
        self.manifest_path
            .components()
            .any(|part| part.as_os_str() == "tests")
    }
}

impl Dependency {
    /// Whether only tests, benchmarks and examples use it.
    pub(crate) fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

#[cfg(test)]
impl Package {
    /// A member as a test describes it, at `directory/name`.
    pub(crate) fn example(directory: &str, name: &str, uses: &[&str], tests_use: &[&str]) -> Self {
        let dependency = |kind: Option<&'static str>| {
            move |name: &&str| Dependency {
                name: (*name).to_owned(),
                kind: kind.map(str::to_owned),
            }
        };
        Self {
            name: name.to_owned(),
            manifest_path: PathBuf::from(format!("{directory}/{name}/Cargo.toml")),
            dependencies: uses
                .iter()
                .map(dependency(None))
                .chain(tests_use.iter().map(dependency(Some("dev"))))
                .collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Package, Workspace};

    #[test]
    fn the_packages_of_a_directory_are_its_children_and_not_their_fixtures() {
        let workspace = Workspace {
            packages: vec![
                Package::example("crates", "caching-events", &[], &[]),
                Package::example("crates/caching-events/tests/linking", "program", &[], &[]),
                Package::example("examples", "hello-cache", &[], &[]),
            ],
            ..Workspace::default()
        };
        let names: Vec<_> = workspace
            .packages_in("crates")
            .iter()
            .map(|package| package.name.as_str())
            .collect();
        assert_eq!(names, ["caching-events"]);
    }
}
