//! A history as a file: what surrounds the violations, to be read and to be checked again.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::checker::Verdict;
use crate::error::TortureError;
use crate::history::{Commit, Happened, History, Invalidation, Read, Resting};
use crate::settings::Settings;

/// How long before and after a violation what was read of its key is kept.
const AROUND: Duration = Duration::from_secs(10);

/// Around how many violations everything is kept.
const VIOLATIONS: usize = 50;

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Run {
        seed: u64,
        left_out: Vec<String>,
        keys: u64,
        tags: u64,
        bound: Duration,
    },
    Fault(Happened),
    Commit(Commit),
    Invalidation(Invalidation),
    Read(Read),
    Resting(Resting),
}

/// Keeps the violations of a history, and what happened around them: every fault, commit and invalidation, and the
/// reads of the same keys ten seconds before and after.
///
/// # Errors
///
/// [`TortureError::Io`].
pub fn keep(
    settings: &Settings,
    history: &History,
    verdict: &Verdict,
) -> Result<PathBuf, TortureError> {
    let path = settings
        .folder
        .join(format!("{}-violation.jsonl", settings.seed));
    write(&path, settings, history, verdict)
        .map_err(TortureError::io("the history of a violation"))?;
    Ok(path)
}

fn write(
    path: &Path,
    settings: &Settings,
    history: &History,
    verdict: &Verdict,
) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut lines = vec![Line::Run {
        seed: settings.seed,
        left_out: settings.left_out.clone(),
        keys: history.keys,
        tags: history.tags,
        bound: history.bound,
    }];
    let mut timed: Vec<_> = history
        .faults
        .iter()
        .map(|fault| (fault.begun, Line::Fault(fault.clone())))
        .collect();
    timed.extend(
        history
            .commits
            .iter()
            .map(|commit| (commit.at, Line::Commit(*commit))),
    );
    timed.extend(
        history
            .invalidations
            .iter()
            .map(|one| (one.ended, Line::Invalidation(*one))),
    );
    timed.extend(surrounding(history, verdict).map(|read| (read.begun, Line::Read(*read))));
    timed.sort_by_key(|(at, _)| *at);
    lines.extend(timed.into_iter().map(|(_, line)| line));
    lines.extend(history.resting.iter().copied().map(Line::Resting));
    let mut file = BufWriter::new(File::create(path)?);
    for line in lines {
        serde_json::to_writer(&mut file, &line)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

fn surrounding<'a>(history: &'a History, verdict: &'a Verdict) -> impl Iterator<Item = &'a Read> {
    let around: BTreeSet<_> = verdict
        .violations
        .iter()
        .take(VIOLATIONS)
        .map(|violation| (violation.read.key, violation.read.begun))
        .collect();
    history.reads.iter().filter(move |read| {
        let from = (read.key, read.begun.before(AROUND));
        let to = (read.key, read.begun.after(AROUND));
        around.range(from..=to).next().is_some()
    })
}

/// Reads a history that was kept; [`check`](crate::check) finds its violations again.
///
/// # Errors
///
/// [`TortureError::Io`] and [`TortureError::NotKept`].
pub fn load_kept(path: &Path) -> Result<History, TortureError> {
    let failed = TortureError::io("the kept history");
    let file = File::open(path).map_err(&failed)?;
    let mut history = History::default();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = serde_json::from_str(&line.map_err(&failed)?).map_err(|source| {
            TortureError::NotKept {
                path: path.to_owned(),
                line: number + 1,
                source,
            }
        })?;
        match line {
            Line::Run {
                keys, tags, bound, ..
            } => {
                // A key carries the tag of its number modulo this.
                (history.keys, history.tags, history.bound) = (keys, tags.max(1), bound);
            }
            Line::Fault(fault) => history.faults.push(fault),
            Line::Commit(commit) => history.commits.push(commit),
            Line::Invalidation(invalidation) => history.invalidations.push(invalidation),
            Line::Read(read) => history.reads.push(read),
            Line::Resting(resting) => history.resting.push(resting),
        }
    }
    Ok(history)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::check;
    use crate::history::{Answer, How, What};
    use crate::moment::Moment;

    #[test]
    fn a_kept_history_gives_the_same_violations_again() -> Result<(), Box<dyn std::error::Error>> {
        let at = |millis: u64| Moment::from_nanos(millis * 1_000_000);
        let read = |key, millis| Read {
            pod: 1,
            key,
            version: 0,
            how: How::L1,
            begun: at(millis),
            ended: at(millis),
        };
        let history = History {
            keys: 3,
            tags: 2,
            bound: Duration::from_secs(1),
            commits: vec![Commit {
                key: 1,
                version: 1,
                at: at(10),
            }],
            invalidations: vec![Invalidation {
                pod: 0,
                what: What::Remove(1),
                answer: Answer::Applied,
                begun: at(20),
                ended: at(30),
            }],
            faults: vec![Happened {
                fault: crate::Fault::Flushed,
                detail: "at number 7".to_owned(),
                begun: at(1),
                ended: at(2),
                is_effective: true,
            }],
            // One of another key, and one long after the violation, which is one itself.
            reads: vec![read(1, 5000), read(0, 5000), read(1, 500)],
            resting: Vec::new(),
        };
        let verdict = check(&history);
        assert_eq!(verdict.violations.len(), 1);
        let folder = tempfile::tempdir()?;
        let mut settings = Settings::new("torture", 7, Duration::ZERO);
        settings.folder = folder.path().to_owned();
        let path = keep(&settings, &history, &verdict)?;
        let again = load_kept(&path)?;
        assert_eq!(check(&again).violations, verdict.violations);
        assert_eq!(again.faults, history.faults);
        assert_eq!(again.reads.len(), 2);
        Ok(())
    }
}
