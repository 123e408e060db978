//! How many tests passed, added up over every runner.

use std::fmt;

/// The count so far. Displayed it is the one line that a reader, or a gate, looks for at the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Tally {
    /// Whether anything has been counted.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds a line of cargo's own runner, one for each test binary:
    /// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
    pub(super) fn add_libtest(&mut self, line: &str) {
        if let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        {
            self.add(counts, ';');
        }
    }

    /// Adds the last line of nextest, one for the whole run:
    /// `Summary [   0.1s] 12 tests run: 10 passed (1 flaky), 2 failed, 3 skipped`.
    pub(super) fn add_nextest(&mut self, line: &str) {
        let counts = line
            .trim_start()
            .strip_prefix("Summary [")
            .and_then(|rest| rest.split_once("run: "));
        if let Some((_, counts)) = counts {
            self.add(counts, ',');
        }
    }

    fn add(&mut self, counts: &str, separator: char) {
        for count in counts.split(separator) {
            let mut words = count.split_whitespace();
            let number = words.next().and_then(|word| word.parse::<u64>().ok());
            let (Some(number), Some(kind)) = (number, words.next()) else {
                continue;
            };
            match kind {
                "passed" => self.passed += number,
                // nextest counts a test that was stopped apart from one that answered wrongly.
                "failed" | "timed" | "exec" => self.failed += number,
                "skipped" | "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn lines_of_several_test_binaries_are_added_up() {
        let mut tally = Tally::default();
        tally.add_libtest("running 6 tests");
        tally.add_libtest(
            "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.00s",
        );
        tally.add_libtest(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        );
        assert_eq!(tally.to_string(), "8 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn the_summary_of_nextest_is_understood() {
        let mut tally = Tally::default();
        tally.add_nextest("        PASS [   0.004s] xtask test::tally");
        tally.add_nextest(
            "     Summary [   1.204s] 14 tests run: 11 passed (1 slow), 2 failed, 1 timed out, 3 skipped",
        );
        assert_eq!(tally.to_string(), "11 passed, 3 failed, 3 skipped");
    }

    #[test]
    fn a_run_that_was_cut_short_counts_what_ran() {
        let mut tally = Tally::default();
        tally.add_nextest("     Summary [   0.2s] 2/9 tests run: 1 passed, 1 failed, 0 skipped");
        assert_eq!(tally.to_string(), "1 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn other_lines_count_nothing() {
        let mut tally = Tally::default();
        tally.add_libtest("5 passed; 1 failed");
        tally.add_nextest("5 passed, 1 failed");
        assert!(tally.is_empty());
    }
}
