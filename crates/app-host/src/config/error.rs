//! What is wrong with a configuration: where, at which key, and what was expected.

use std::collections::BTreeSet;
use std::fmt;

/// Everything that is wrong in a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    problems: Vec<ConfigProblem>,
}

impl ConfigError {
    pub(crate) fn new(problems: Vec<ConfigProblem>) -> Self {
        Self { problems }
    }

    /// What a module finds wrong itself at a key such as `"cache.redis.url"`, beyond what its types check.
    ///
    /// `origin` is best taken from [`Config::origin`](crate::Config::origin).
    pub fn custom(
        origin: Option<String>,
        key: impl Into<String>,
        expectation: impl Into<String>,
    ) -> Self {
        Self::new(vec![ConfigProblem {
            origin,
            key: key.into(),
            expectation: expectation.into(),
        }])
    }

    /// The single problems.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// One thing that is wrong: `config/default.toml: cache.size: expected u64, found string "many"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    pub(crate) origin: Option<String>,
    pub(crate) key: String,
    pub(crate) expectation: String,
}

impl ConfigProblem {
    pub(crate) fn in_source(origin: impl Into<String>, expectation: impl Into<String>) -> Self {
        Self {
            origin: Some(origin.into()),
            key: String::new(),
            expectation: expectation.into(),
        }
    }

    /// A section that nobody reads.
    pub(crate) fn unread(name: &str, origin: Option<&str>, known: &BTreeSet<&str>) -> Self {
        let expectation = match nearest(name, known.iter().copied()) {
            Some(near) => format!("no module reads this section; did you mean `{near}`?"),
            None => {
                let known: Vec<_> = known.iter().copied().collect();
                format!(
                    "no module reads this section; the sections are: {}",
                    known.join(", ")
                )
            }
        };
        Self {
            origin: origin.map(str::to_owned),
            key: name.to_owned(),
            expectation,
        }
    }

    /// The file, or the environment variable; `None` where nothing sets the key.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The path of the key, such as `cache.redis.url`; empty where a source as a whole is wrong.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What was expected, and what was found.
    pub fn expectation(&self) -> &str {
        &self.expectation
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.expectation)
    }
}

/// The known name that is at most two typing errors away.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two names, a swap of neighbours counted as one (Damerau and Levenshtein, "optimal string
/// alignment").
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![vec![0; to.len() + 1]; from.len() + 1];
    rows[0] = (0..=to.len()).collect();
    for i in 1..=from.len() {
        rows[i][0] = i;
        for j in 1..=to.len() {
            let substitution = rows[i - 1][j - 1] + usize::from(from[i - 1] != to[j - 1]);
            rows[i][j] = substitution.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            let is_swap = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
            if is_swap {
                rows[i][j] = rows[i][j].min(rows[i - 2][j - 2] + 1);
            }
        }
    }
    rows[from.len()][to.len()]
}
