//! Links between documents.

use super::finding::Finding;
use super::house::House;
use super::markdown::{self, Line};

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    house
        .texts_ending(".md")
        .flat_map(|(path, text)| markdown::lines(text).map(move |line| (path, line)))
        .flat_map(|(path, line)| broken(house, path, line))
        .collect()
}

fn broken(house: &House<'_>, path: &str, line: Line<'_>) -> Vec<Finding> {
    targets(line.text)
        .into_iter()
        .filter(|target| is_relative(target))
        .filter_map(|target| {
            let problem = problem(house, path, target)?;
            Some(Finding::at(
                path,
                line.number,
                format!("{target}: {problem}"),
            ))
        })
        .collect()
}

/// Everything that a line points to: `](target)`, `[name]: target`, `src="target"`.
fn targets(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for (before, end) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
        targets.extend(line.match_indices(before).filter_map(|(at, _)| {
            if is_in_code(line, at) {
                return None;
            }
            let rest = &line[at + before.len()..];
            // A title may follow the target.
            rest[..rest.find(end)?].split_whitespace().next()
        }));
    }
    if line.starts_with('[')
        && let Some((_, target)) = line.split_once("]: ")
    {
        targets.extend(target.split_whitespace().next());
    }
    targets
}

/// Whether backticks around that place make it an example of a link.
fn is_in_code(line: &str, at: usize) -> bool {
    line[..at].matches('`').count() % 2 == 1
}

fn is_relative(target: &str) -> bool {
    let scheme = target.split(['/', '#', '?']).next().unwrap_or(target);
    !scheme.contains(':')
}

fn problem(house: &House<'_>, from: &str, target: &str) -> Option<&'static str> {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    if file.starts_with('/') {
        return Some("leads to the root of a machine; write it relative to this file");
    }
    let Some(path) = resolve(from, file) else {
        return Some("leads out of the repository");
    };
    if !house.exists(&path) {
        return Some("there is no such file");
    }
    // Anchors of sources are line numbers, made by whoever shows the file.
    if anchor.is_empty() || !path.ends_with(".md") {
        return None;
    }
    let has_anchor = house.text(&path).is_some_and(|text| {
        markdown::lines(text)
            .filter_map(|line| markdown::heading(line.text))
            .any(|heading| markdown::slug(heading) == anchor)
    });
    (!has_anchor).then_some("there is no such heading")
}

/// The path from the root; none when it leads above it. An empty target is the file itself.
pub(super) fn resolve(from: &str, target: &str) -> Option<String> {
    if target.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::house::findings;

    fn found_in(text: &str) -> Vec<String> {
        findings(
            check,
            &[
                ("docs/guides/keys.md", text),
                ("docs/architecture.md", "# The map\n## Four rules\n"),
                ("crates/a/src/lib.rs", "//! A crate.\n"),
            ],
        )
    }

    #[test]
    fn links_that_lead_somewhere_are_fine() {
        let text = "# Keys\n\
            [map](../architecture.md), [rules](../architecture.md#four-rules), [here](#keys)\n\
            [code](../../crates/a/src/lib.rs#L3), [crate](../../crates/a)\n\
            [out](https://example.org/none.md), <mailto:a@example.org>\n\
            write `[a](none.md)`, and [`code`](../architecture.md)\n\
            [named]: ../architecture.md \"The map\"\n\
            ```md\n[not a link](none.md)\n```\n";
        assert_eq!(found_in(text), [] as [String; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found_on_their_line() {
        for (link, problem) in [
            ("[a](none.md)", "none.md: there is no such file"),
            ("[a]: none.md", "none.md: there is no such file"),
            ("<img src=\"a.svg\">", "a.svg: there is no such file"),
            (
                "[a](/docs/architecture.md)",
                "/docs/architecture.md: leads to the root",
            ),
            (
                "[a](../../../b.md)",
                "../../../b.md: leads out of the repository",
            ),
            (
                "[a](../architecture.md#five-rules)",
                "../architecture.md#five-rules: there is no such heading",
            ),
        ] {
            let found = found_in(&format!("# Keys\n\n{link}\n"));
            assert_eq!(found.len(), 1, "{link}");
            let start = format!("docs/guides/keys.md:3: {problem}");
            assert!(found[0].starts_with(&start), "{found:?}");
        }
    }
}
