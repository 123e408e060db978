//! One place where a rule does not hold.

use std::fmt;

/// Whether a finding breaks the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Warning,
    Failure,
}

/// A place and what is to be done there. Displayed as `path:line: message`, which editors open.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) weight: Weight,
    path: String,
    line: Option<usize>,
    message: String,
}

impl Finding {
    /// Something about a whole file.
    pub(super) fn in_file(path: &str, message: impl Into<String>) -> Self {
        Self {
            weight: Weight::Failure,
            path: path.to_owned(),
            line: None,
            message: message.into(),
        }
    }

    /// Something about one line, counted from 1.
    pub(super) fn at(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            ..Self::in_file(path, message)
        }
    }

    /// Tells, without breaking the build.
    pub(super) fn warning(self) -> Self {
        Self {
            weight: Weight::Warning,
            ..self
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if self.weight == Weight::Warning {
            write!(f, ": warning")?;
        }
        write!(f, ": {}", self.message)
    }
}
