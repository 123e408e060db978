//! What the rules look at: the texts of the repository, with its packages.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::failure::{Failure, Result};
use crate::tool;
use crate::workspace::Workspace;

/// Larger files are data, not something that people write.
const LARGEST_TEXT: u64 = 1 << 20;

/// The repository as the rules see it.
pub(super) struct House<'a> {
    pub(super) workspace: &'a Workspace,
    /// Path from the root, with `/` on every system, to the whole text.
    texts: BTreeMap<String, String>,
}

impl<'a> House<'a> {
    /// Reads every text that git tracks or would track.
    pub(super) fn open(workspace: &'a Workspace) -> Result<Self> {
        let listed = tool::read(Command::new("git").args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]))
        .map_err(|failure| {
            failure.remedy("run it in a git checkout; tidy asks git for the files")
        })?;
        let mut texts = BTreeMap::new();
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            if let Some(text) = read(path)? {
                texts.insert(path.to_owned(), text);
            }
        }
        Ok(Self { workspace, texts })
    }

    /// The text of one file, if it is there.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }

    /// Every file with its text, in order of path.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files with that ending.
    pub(super) fn texts_ending(&self, ending: &str) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(move |(path, _)| path.ends_with(ending))
    }

    /// The Rust files that ship: those of `src/`, without the ones that only tests include.
    pub(super) fn shipped_sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts_ending(".rs")
            .filter(|(path, _)| path.contains("/src/") && !is_test_code(path))
    }

    /// Whether a file, or a directory with files, is there.
    pub(super) fn exists(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        path.is_empty()
            || self.texts.contains_key(path)
            || self.texts.keys().any(|text| text.starts_with(&inside))
            || fs::exists(path).unwrap_or(false)
    }
}

/// Whether a file is there for tests alone, by where it stands.
pub(super) fn is_test_code(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path.split('/')
        .any(|part| matches!(part, "tests" | "benches" | "fuzz" | "caching-testkit"))
        || name == "tests.rs"
        || name.ends_with("_tests.rs")
}

/// None for what is no text: data, links to nowhere, files deleted but still listed.
fn read(path: &str) -> Result<Option<String>> {
    match fs::metadata(path) {
        Ok(facts) if facts.is_file() && facts.len() <= LARGEST_TEXT => {}
        _ => return Ok(None),
    }
    let bytes =
        fs::read(path).map_err(|error| Failure::new(format!("cannot read {path}: {error}")))?;
    Ok(String::from_utf8(bytes).ok())
}

#[cfg(test)]
impl<'a> House<'a> {
    /// A house as a test describes it.
    pub(super) fn example(workspace: &'a Workspace, texts: &[(&str, &str)]) -> Self {
        let texts = texts
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        Self { workspace, texts }
    }
}

/// What a rule finds in a house without packages, as printed.
#[cfg(test)]
pub(super) fn findings(
    check: fn(&House<'_>) -> Vec<super::Finding>,
    texts: &[(&str, &str)],
) -> Vec<String> {
    let workspace = Workspace::default();
    check(&House::example(&workspace, texts))
        .iter()
        .map(ToString::to_string)
        .collect()
}
