//! How long a file may grow before it is two.

use super::finding::Finding;
use super::house::House;

const LONG: usize = 400;
const TOO_LONG: usize = 600;

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    house
        .texts_ending(".rs")
        .filter_map(|(path, text)| {
            let lines = text.lines().count();
            let finding = Finding::in_file(
                path,
                format!("{lines} lines; find the second idea and give it a file"),
            );
            if lines <= LONG {
                None
            } else if lines <= TOO_LONG {
                Some(finding.warning())
            } else {
                Some(finding)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::house::findings;

    fn found_in(lines: usize) -> Vec<String> {
        findings(check, &[("a.rs", &"line\n".repeat(lines))])
    }

    #[test]
    fn a_file_of_four_hundred_lines_passes() {
        assert!(found_in(400).is_empty());
    }

    #[test]
    fn a_longer_one_is_warned_about_and_a_far_longer_one_fails() {
        assert!(found_in(401)[0].starts_with("a.rs: warning: 401 lines"));
        assert!(found_in(600)[0].starts_with("a.rs: warning: 600 lines"));
        assert!(found_in(601)[0].starts_with("a.rs: 601 lines"));
    }
}
