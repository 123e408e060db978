//! The first line of a file names what is in it.

use super::finding::Finding;
use super::house::House;

/// One word is a title, not a sentence.
const FEWEST_WORDS: usize = 2;

pub(super) fn check(house: &House<'_>) -> Vec<Finding> {
    house
        .texts_ending(".rs")
        .filter(|(_, text)| !opens_well(text))
        .map(|(path, _)| {
            Finding::at(
                path,
                1,
                "begin with `//! ` and one sentence that names what this file is",
            )
        })
        .collect()
}

fn opens_well(text: &str) -> bool {
    text.lines()
        .next()
        .and_then(|line| line.strip_prefix("//! "))
        .is_some_and(|sentence| sentence.split_whitespace().count() >= FEWEST_WORDS)
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::house::findings;

    #[test]
    fn a_sentence_in_the_first_line_is_enough() {
        assert!(findings(check, &[("a.rs", "//! One running factory a key.\n")]).is_empty());
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "use std::fmt;\n",
            "\n//! One running factory a key.\n",
            "// One running factory a key.\n",
            "//! placeholder\n",
            "//!\n//! One running factory a key.\n",
        ] {
            assert_eq!(findings(check, &[("a.rs", text)]).len(), 1, "{text:?}");
        }
    }
}
