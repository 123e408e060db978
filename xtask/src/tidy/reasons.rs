//! The reason that stands beside each dependency of a member.

use super::finding::Finding;
use super::house::House;
use crate::workspace::Workspace;

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    house
        .texts_ending("/Cargo.toml")
        .flat_map(|(path, text)| unexplained(house.workspace, path, text))
        .collect()
}

/// Reads the manifest by line, since a parser would throw the comments away.
///
/// A comment counts for its own line and for the lines below it up to the next blank one.
fn unexplained(workspace: &Workspace, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut in_dependencies = false;
    let mut explained = false;
    let mut open_brackets = 0;
    for (index, line) in text.lines().enumerate() {
        let (code, comment) = split_comment(line);
        let code = code.trim();
        let has_comment = comment.is_some_and(|comment| !comment.trim().is_empty());
        let continues = open_brackets > 0;
        open_brackets += brackets(code);
        if continues {
            continue;
        }
        if code.is_empty() {
            explained = has_comment || (explained && comment.is_some());
            continue;
        }
        let name = if let Some(header) = code.strip_prefix('[') {
            open_brackets = 0;
            let section = header.trim_end_matches(']');
            in_dependencies = is_dependencies(section);
            let named = dependency_of_section(section);
            if named.is_none() {
                explained = false;
            }
            named
        } else if in_dependencies {
            code.split(['=', '.']).next()
        } else {
            None
        };
        let Some(name) = name.map(|name| name.trim().trim_matches('"')) else {
            continue;
        };
        if !(explained || has_comment || workspace.has(name)) {
            findings.push(Finding::at(
                path,
                index + 1,
                format!("say in a comment what {name} is needed for"),
            ));
        }
    }
    findings
}

/// `dependencies`, `dev-dependencies`, `target.'cfg(unix)'.build-dependencies`.
fn is_dependencies(section: &str) -> bool {
    let last = section.rsplit('.').next().unwrap_or(section);
    last == "dependencies" || last == "dev-dependencies" || last == "build-dependencies"
}

/// `serde` of a section `[dependencies.serde]`.
fn dependency_of_section(section: &str) -> Option<&str> {
    let (before, name) = section.rsplit_once('.')?;
    is_dependencies(before).then_some(name)
}

/// What stands before and behind the first `#` that is outside a string.
fn split_comment(line: &str) -> (&str, Option<&str>) {
    let mut quote = None;
    for (at, character) in line.char_indices() {
        match (quote, character) {
            (None, '#') => return (&line[..at], Some(&line[at + 1..])),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    (line, None)
}

/// How many brackets a line leaves open; a dependency may go over several lines.
fn brackets(code: &str) -> i32 {
    code.chars()
        .map(|character| match character {
            '[' | '{' => 1,
            ']' | '}' => -1,
            _ => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::house::{House, findings};
    use crate::workspace::{Package, Workspace};

    fn found_in(manifest: &str) -> Vec<String> {
        findings(check, &[("crates/a/Cargo.toml", manifest)])
    }

    #[test]
    fn a_reason_beside_above_or_over_a_group_counts() {
        let manifest = "\
[package]
name = \"a\"

[dependencies]
serde = \"1\" # values travel as bytes
# The runtime that the user asked for.
tokio = { workspace = true, features = [
    \"rt\",
] }
axum = \"0.8\"

[dev-dependencies]
tempfile.workspace = true # a SQLite file per test

# Pauses time.
[target.'cfg(unix)'.dependencies.nix]
version = \"1\"
";
        assert_eq!(found_in(manifest), [] as [String; 0]);
    }

    #[test]
    fn a_dependency_without_one_is_found_by_line() {
        let manifest = "\
[dependencies]
# Reads settings.
config = \"0.15\"

moka = { version = \"0.12\", features = [
    \"sync\",
    \"future\",
] }

[dev-dependencies]
proptest = { version = \"1\", features = [\"a#b\"] }
[dependencies.uuid]
version = \"1\"
";
        let found = found_in(manifest);
        assert_eq!(
            found,
            [
                "crates/a/Cargo.toml:5: say in a comment what moka is needed for",
                "crates/a/Cargo.toml:11: say in a comment what proptest is needed for",
                "crates/a/Cargo.toml:12: say in a comment what uuid is needed for",
            ]
        );
    }

    #[test]
    fn an_empty_comment_is_no_reason() {
        assert_eq!(found_in("[dependencies]\nmoka = \"0.12\" #\n").len(), 1);
    }

    #[test]
    fn our_own_crates_need_none() {
        let workspace = Workspace {
            packages: vec![Package::example("crates", "app-host", &[], &[])],
            ..Workspace::default()
        };
        let manifest = "[dependencies]\napp-host = { workspace = true, optional = true }\n";
        let house = House::example(&workspace, &[("crates/a/Cargo.toml", manifest)]);
        assert!(check(&house).is_empty());
    }
}
