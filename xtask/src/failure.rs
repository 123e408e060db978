//! What went wrong, with what to do about it.

use std::fmt;

/// The answer of every step: fine, or a [`Failure`].
pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

/// One failed step, told to a person.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    remedy: Option<String>,
}

impl Failure {
    /// A failure that explains itself.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            remedy: None,
        }
    }

    /// Adds what the reader should do now; the remedy named first is the closest one and stays.
    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy.get_or_insert_with(|| remedy.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\ntry: {remedy}"),
            None => Ok(()),
        }
    }
}
