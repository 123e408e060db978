//! The page of behaviours, held to the tests that it names.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::house::House;
use super::links;
use super::markdown::{self, Line};
use super::test_names::TestNames;

const PAGE: &str = "docs/reference/behaviours.md";

/// How the column of tests is headed; a table without it is another matter.
const COLUMN: &str = "shown by";

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let Some(page) = house.text(PAGE) else {
        return vec![Finding::in_file(PAGE, "there is none")];
    };
    let rows = rows(page);
    if rows.is_empty() {
        let message = format!("has no table with a column headed \"{COLUMN}\"");
        return vec![Finding::in_file(PAGE, message)];
    }
    let mut tests = Tests {
        house,
        read: BTreeMap::new(),
    };
    rows.iter()
        .flat_map(|row| {
            row.problems(&mut tests)
                .into_iter()
                .map(|problem| Finding::at(PAGE, row.line, problem))
        })
        .collect()
}

/// One behaviour.
struct Row {
    line: usize,
    /// The cell that names its tests.
    shown_by: String,
}

impl Row {
    fn problems(&self, tests: &mut Tests<'_>) -> Vec<String> {
        let named = named(&self.shown_by);
        if named.is_empty() {
            return vec!["no test shows this; name one, or leave the line out".to_owned()];
        }
        named
            .into_iter()
            .filter_map(|test| tests.problem(test))
            .collect()
    }
}

/// The rows of every table that has the column.
fn rows(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut column = None;
    for Line { number, text } in markdown::lines(page) {
        let Some(mut cells) = markdown::cells(text) else {
            column = None;
            continue;
        };
        match column {
            None => column = cells.iter().position(|cell| cell == COLUMN),
            Some(_) if markdown::is_rule(&cells) => {}
            Some(at) => rows.push(Row {
                line: number,
                shown_by: if at < cells.len() {
                    cells.swap_remove(at)
                } else {
                    String::new()
                },
            }),
        }
    }
    rows
}

/// A test as the page names it: ``[`name`](file)``.
#[derive(Clone, Copy)]
struct Named<'a> {
    test: &'a str,
    /// None where the name is no link.
    file: Option<&'a str>,
}

/// Everything between backticks.
fn named(cell: &str) -> Vec<Named<'_>> {
    let parts: Vec<_> = cell.split('`').collect();
    let mut named = Vec::new();
    // What stands between backticks is every second part, and what follows it the next.
    for pair in parts[1..].chunks(2) {
        let [test, behind] = pair else { continue };
        let file = behind
            .strip_prefix("](")
            .and_then(|target| Some(target.split_once(')')?.0));
        named.push(Named { test, file });
    }
    named
}

/// The tests of the repository, read file by file as they are asked for.
struct Tests<'a> {
    house: &'a House<'a>,
    read: BTreeMap<String, TestNames>,
}

impl Tests<'_> {
    /// What is wrong with a name, and what to do.
    fn problem(&mut self, named: Named<'_>) -> Option<String> {
        let Named { test, file } = named;
        let Some(file) = file else {
            return Some(format!(
                "{test} says no file; write [`{test}`](../../path/of/the/file.rs)"
            ));
        };
        let path = links::resolve(PAGE, file).unwrap_or_else(|| file.to_owned());
        let Some(text) = self.house.text(&path) else {
            let advice = self.advice(test);
            return Some(format!("there is no file {path} with {test}; {advice}"));
        };
        let tests = self
            .read
            .entry(path.clone())
            .or_insert_with(|| TestNames::read(text));
        if tests.has(test) {
            return None;
        }
        let advice = self.advice(test);
        Some(format!("{path} has no test {test}; {advice}"))
    }

    fn advice(&self, test: &str) -> String {
        let moved_to = self
            .house
            .texts_ending(".rs")
            .filter(|(_, text)| text.contains(test))
            .find(|(_, text)| TestNames::read(text).has(test));
        match moved_to {
            Some((path, _)) => format!("it is in {path}"),
            None => "name the one that shows this, or leave the line out".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, check};
    use crate::tidy::house::findings;

    const HEAD: &str = "# Behaviours\n\n| what | shown by |\n| --- | --- |\n";
    const TESTS: &str = "//! A file.\n#[test]\nfn it_holds() {}\nfn helper() {}\n";

    fn found_in(rows: &str) -> Vec<String> {
        let page = format!("{HEAD}{rows}\n");
        findings(check, &[(PAGE, &page), ("crates/a/tests/a.rs", TESTS)])
    }

    #[test]
    fn a_line_whose_tests_are_there_is_fine() {
        let link = "[`it_holds`](../../crates/a/tests/a.rs)";
        for row in [
            format!("| It holds. | {link} |"),
            format!(
                "| It `holds`. | {link}, {link} |\n\n| other | table |\n| --- | --- |\n| a | `b` |"
            ),
        ] {
            assert_eq!(found_in(&row), [] as [String; 0]);
        }
    }

    #[test]
    fn a_test_that_is_not_there_is_found_on_its_line() {
        for name in ["it_held", "helper"] {
            let found = found_in(&format!("| It. | [`{name}`](../../crates/a/tests/a.rs) |"));
            let says = format!(
                "{PAGE}:5: crates/a/tests/a.rs has no test {name}; \
                 name the one that shows this, or leave the line out"
            );
            assert_eq!(found, [says]);
        }
    }

    #[test]
    fn a_test_that_has_moved_is_found_with_where_it_is() {
        for file in ["../../crates/a/tests/b.rs", "behaviours.md"] {
            let found = found_in(&format!("| It. | [`it_holds`]({file}) |"));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found[0].ends_with("; it is in crates/a/tests/a.rs"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn a_second_test_of_a_line_is_looked_up_too() {
        let found = found_in(
            "| It. | [`it_holds`](../../crates/a/tests/a.rs), [`gone`](../../crates/a/tests/a.rs) |",
        );
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("has no test gone"), "{found:?}");
    }

    #[test]
    fn a_line_that_names_no_test_or_no_file_is_found() {
        for (row, says) in [
            ("| It. | |", "no test shows this"),
            ("| It. |", "no test shows this"),
            ("| It. | by hand |", "no test shows this"),
            ("| It. | `it_holds` |", "it_holds says no file"),
        ] {
            let found = found_in(row);
            assert_eq!(found.len(), 1, "{row}: {found:?}");
            assert!(found[0].contains(says), "{found:?}");
        }
    }

    #[test]
    fn a_page_that_is_not_there_or_has_no_such_table_is_found() {
        assert_eq!(findings(check, &[]), [format!("{PAGE}: there is none")]);
        assert_eq!(findings(check, &[(PAGE, "# Behaviours\n")]).len(), 1);
    }
}
