//! The table that the demo prints, a row as each scene ends.

use std::env;
use std::io::{IsTerminal, stdout};
use std::time::Duration;

use crate::failure::{Failure, Result};

use super::stage::{InRedis, PODS, Stage};
use super::traffic::{BOUND, Seen};

/// The widths of the columns; the second one is to the left.
const WIDTHS: [usize; 10] = [7, 25, 7, 6, 9, 8, 9, 11, 11, 7];

/// Prints, and remembers what is wrong.
pub(super) struct Table {
    is_colored: bool,
    problems: Vec<String>,
    reads: u64,
    writes: u64,
}

#[derive(Clone, Copy)]
enum Color {
    Red = 31,
    Green = 32,
    Dim = 2,
}

impl Table {
    /// In colour on a terminal, unless `NO_COLOR` is set (no-color.org).
    pub(super) fn new() -> Self {
        let is_refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            is_colored: stdout().is_terminal() && !is_refused,
            problems: Vec::new(),
            reads: 0,
            writes: 0,
        }
    }

    pub(super) fn head(&self, stage: &Stage) {
        println!(
            "\n{PODS} pods of the invoice API over one SQLite file and one Redis {}, values encrypted.\n\
             Writes go through pod 1, reads through all. Nobody may be given an old value for longer than {}.\n",
            stage.redis_version,
            shown(BOUND)
        );
        let first = [
            "",
            "",
            "",
            "",
            "slowest",
            "",
            "slowest",
            "others see",
            "old value",
            "",
        ];
        let second = [
            "at",
            "what happens",
            "reads",
            "hits",
            "read",
            "writes",
            "write",
            "a write in",
            "given for",
            "5xx",
        ];
        for names in [first, second] {
            println!(
                "{}",
                self.paint(Color::Dim, &line(&names.map(str::to_owned)))
            );
        }
    }

    pub(super) fn row(&mut self, at: Duration, what: &str, seen: &Seen) {
        self.reads += seen.reads;
        self.writes += seen.writes;
        let mut after = seen.after.clone();
        after.sort();
        let cells = [
            format!("{:.1} s", at.as_secs_f64()),
            what.to_owned(),
            seen.reads.to_string(),
            format!("{} %", seen.hits * 100 / seen.reads.max(1)),
            shown(seen.slowest_read),
            seen.writes.to_string(),
            shown(seen.slowest_write),
            after
                .get(after.len() / 2)
                .copied()
                .map(shown)
                .unwrap_or_else(|| "-".to_owned()),
            if seen.oldest.is_zero() {
                "never".to_owned()
            } else {
                shown(seen.oldest)
            },
            seen.failures.to_string(),
        ];
        let text = line(&cells);
        let is_good = seen.failures == 0 && seen.outdated == 0;
        println!(
            "{}",
            self.paint(if is_good { Color::Green } else { Color::Red }, &text)
        );
        if seen.outdated > 0 {
            self.problems.push(format!(
                "{what}: {} reads gave an old value past the bound, one for {}",
                seen.outdated,
                shown(seen.oldest)
            ));
        }
        if seen.failures > 0 {
            let first = seen.first_failure.as_deref().unwrap_or_default();
            self.problems.push(format!(
                "{what}: {} requests failed, the first with {first}",
                seen.failures
            ));
        }
        if seen.reads == 0 || seen.writes == 0 {
            self.problems
                .push(format!("{what}: nothing was asked, so nothing was shown"));
        }
    }

    /// What the pods give in the end, and what Redis holds.
    pub(super) fn end(
        &mut self,
        (written, given): &(Vec<u64>, Vec<Vec<u64>>),
        found: &Option<InRedis>,
    ) {
        for (pod, versions) in given.iter().enumerate() {
            if versions != written {
                self.problems.push(format!(
                    "in the end pod {} gives versions {versions:?}, and {written:?} were written",
                    pod + 1
                ));
            }
        }
        println!(
            "\nin the end, all {} invoices were asked of all pods: versions {written:?}",
            written.len()
        );
        let Some(found) = found else {
            self.problems
                .push("in the end, Redis holds no invoice".to_owned());
            return;
        };
        let shown: String = found
            .value
            .iter()
            .take(24)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        println!(
            "in Redis: {} = {shown}… ({} bytes)",
            found.key,
            found.value.len()
        );
        if found.value.windows(4).any(|part| part == b"DEMO") {
            self.problems
                .push("the value in Redis can be read".to_owned());
        }
    }

    /// Fine, or all that was not.
    pub(super) fn verdict(&self) -> Result {
        if self.problems.is_empty() {
            let text = format!(
                "{} reads, {} writes: no error, nothing old past the bound, and in the end all agree",
                self.reads, self.writes
            );
            println!("\n{}", self.paint(Color::Green, &text));
            return Ok(());
        }
        Err(Failure::new(self.problems.join("\n       ")))
    }

    fn paint(&self, color: Color, text: &str) -> String {
        if self.is_colored {
            format!("\u{1b}[{}m{text}\u{1b}[0m", color as u8)
        } else {
            text.to_owned()
        }
    }
}

fn line(cells: &[String; 10]) -> String {
    let mut line = String::new();
    for (place, (cell, width)) in cells.iter().zip(WIDTHS).enumerate() {
        line += &match place {
            1 => format!("  {cell:<width$}"),
            _ => format!("{cell:>width$}"),
        };
    }
    line.trim_end().to_owned()
}

/// Three digits are enough for people.
fn shown(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    match milliseconds {
        1000.0.. => format!("{:.1} s", milliseconds / 1000.0),
        10.0.. => format!("{milliseconds:.0} ms"),
        _ => format!("{milliseconds:.1} ms"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Seen, Table, shown};

    fn verdict(seen: &Seen) -> Result<(), String> {
        let mut table = Table::new();
        table.row(Duration::ZERO, "it rains", seen);
        table.verdict().map_err(|failure| failure.to_string())
    }

    fn busy() -> Seen {
        Seen {
            reads: 9,
            writes: 3,
            ..Seen::default()
        }
    }

    #[test]
    fn only_a_run_without_fault_is_good() {
        assert_eq!(verdict(&busy()), Ok(()));
        let outdated = Seen {
            outdated: 1,
            ..busy()
        };
        let failed = Seen {
            failures: 1,
            ..busy()
        };
        for (seen, word) in [
            (outdated, "old value"),
            (failed, "failed"),
            (Seen::default(), "nothing was asked"),
        ] {
            let problem = verdict(&seen).expect_err("it is bad");
            assert!(problem.contains(word), "{problem}");
        }
    }

    #[test]
    fn pods_that_disagree_in_the_end_are_named() {
        let mut table = Table::new();
        table.end(&(vec![3, 4], vec![vec![3, 4], vec![3, 2]]), &None);
        let problem = table.verdict().expect_err("they disagree").to_string();
        assert!(problem.contains("pod 2 gives versions [3, 2]"), "{problem}");
    }

    #[test]
    fn times_have_few_digits() {
        let shown = [1_234_567, 23_456, 1_234].map(|micros| shown(Duration::from_micros(micros)));
        assert_eq!(shown, ["1.2 s", "23 ms", "1.2 ms"]);
    }
}
