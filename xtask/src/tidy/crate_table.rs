//! The table of crates with which README.md introduces the workspace.

use super::finding::Finding;
use super::house::House;
use super::markdown::{self, Line};

const README: &str = "README.md";

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let Some(readme) = house.text(README) else {
        return vec![Finding::in_file(README, "there is none")];
    };
    let rows = rows(readme);
    if rows.is_empty() {
        return vec![Finding::in_file(
            README,
            "has no table whose first column is headed `crate`",
        )];
    }
    let unknown = rows
        .iter()
        .filter(|(name, _)| !house.workspace.has(name))
        .map(|(name, line)| {
            Finding::at(
                README,
                *line,
                format!("{name} is no crate of this workspace"),
            )
        });
    let libraries = house.workspace.packages_in("crates");
    let missing = libraries
        .iter()
        .filter(|package| !rows.iter().any(|(name, _)| *name == package.name))
        .map(|package| {
            let name = &package.name;
            Finding::in_file(
                README,
                format!("add a row for `{name}` to the table of crates"),
            )
        });
    unknown.chain(missing).collect()
}

/// Name and line of each row, of every table whose first column is headed "crate".
fn rows(readme: &str) -> Vec<(String, usize)> {
    let mut rows = Vec::new();
    let mut in_table = false;
    for Line { number, text } in markdown::lines(readme) {
        let Some(cells) = markdown::cells(text) else {
            in_table = false;
            continue;
        };
        let first = cells.first().map_or("", String::as_str);
        if in_table {
            if !markdown::is_rule(&cells) {
                rows.push((name(first).to_owned(), number));
            }
        } else {
            in_table = matches!(first.to_lowercase().as_str(), "crate" | "crates");
        }
    }
    rows
}

/// `caching-core` of ``[`caching-core`](crates/caching-core)``.
fn name(cell: &str) -> &str {
    let text = cell.trim_start_matches('[');
    let text = text.split(']').next().unwrap_or(text);
    text.trim_matches(['`', '*', ' '])
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::check;
    use crate::tidy::house::House;
    use crate::workspace::{Package, Workspace};

    fn findings(texts: &[(&str, &str)]) -> Vec<String> {
        let workspace = Workspace {
            root: PathBuf::new(),
            packages: vec![
                Package::example("crates", "app-host", &[], &[]),
                Package::example("crates", "caching-core", &[], &[]),
                Package::example("examples", "hello-cache", &[], &[]),
            ],
        };
        check(&House::example(&workspace, texts))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_complete_table_is_fine_and_may_name_examples() {
        let readme = "# Name\n\n| crate | what |\n| --- | --- |\n\
            | [`app-host`](crates/app-host) | hosts |\n| `caching-core` | caches |\n\
            | hello-cache | shows |\n\n| command | what |\n| --- | --- |\n| other | table |\n";
        assert_eq!(findings(&[("README.md", readme)]), [] as [String; 0]);
    }

    #[test]
    fn a_crate_without_a_row_and_a_row_without_a_crate_are_found() {
        let readme = "| Crate | what |\n| --- | --- |\n| `app-host` | hosts |\n| `old` | gone |\n";
        assert_eq!(
            findings(&[("README.md", readme)]),
            [
                "README.md:4: old is no crate of this workspace",
                "README.md: add a row for `caching-core` to the table of crates",
            ]
        );
    }

    #[test]
    fn no_readme_and_no_table_are_found() {
        assert_eq!(findings(&[]), ["README.md: there is none"]);
        assert_eq!(findings(&[("README.md", "# Name\n")]).len(), 1);
    }
}
