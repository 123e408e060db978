//! Paths that exist on one machine only.

use super::finding::Finding;
use super::house::{House, is_test_code};

/// Never right in a file that others read.
const NOWHERE: &[&str] = &["/root/", "/work/"];

/// Right only where a test makes such a path up.
const ONLY_IN_TESTS: &[&str] = &["/home/", "/tmp/", "/Users/"];

/// These list such paths.
const EXCEPTIONS: &[&str] = &[".gitignore", "xtask/src/tidy/machine_paths.rs"];

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in house.texts().filter(|(path, _)| !EXCEPTIONS.contains(path)) {
        let more: &[&str] = if is_test_code(path) {
            &[]
        } else {
            ONLY_IN_TESTS
        };
        for (index, line) in text.lines().enumerate() {
            let found = NOWHERE.iter().chain(more).find(|root| has_path(line, root));
            if let Some(root) = found {
                findings.push(Finding::at(
                    path,
                    index + 1,
                    format!("a path under {root}; write it relative, or take it from a setting"),
                ));
            }
        }
    }
    findings
}

/// Whether the path begins there: `src/work/` and `https://host/home/` are something else.
fn has_path(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || ".-_}*".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::house::findings;

    #[test]
    fn a_path_of_one_machine_is_found_on_its_line() {
        for line in [
            "see `/work/notes.md`",
            "path=\"/root/x\"",
            "/home/me/cache",
            "sqlite:///tmp/a.db",
        ] {
            let found = findings(check, &[("docs/a.md", &format!("# A\n{line}\n"))]);
            assert_eq!(found.len(), 1, "{line}");
            assert!(found[0].starts_with("docs/a.md:2: "), "{found:?}");
        }
    }

    #[test]
    fn relative_paths_and_addresses_are_fine() {
        let text = "src/work/a.rs ./home/b https://example.org/home/ ../tmp/c\n";
        assert!(findings(check, &[("docs/a.md", text)]).is_empty());
    }

    #[test]
    fn a_test_may_make_up_a_path_but_not_a_workplace() {
        let made_up = [("crates/a/tests/a.rs", "\"/tmp/none\"")];
        assert!(findings(check, &made_up).is_empty());
        let workplace = [("crates/a/tests/a.rs", "\"/work/none\"")];
        assert_eq!(findings(check, &workplace).len(), 1);
    }
}
