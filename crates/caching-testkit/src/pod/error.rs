//! What can go wrong with a pod.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a pod could not be started, or did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PodError {
    /// The program could not be started.
    #[error("cannot start `{}`: {source}", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The pod ended, or closed its standard output, before it had answered.
    #[error("the pod ended before it had answered")]
    Ended,

    /// The pod took too long.
    #[error("the pod has not answered after {waited:?}")]
    Late {
        /// How long it was given.
        waited: Duration,
    },

    /// The pod answered that it cannot.
    #[error("the pod answered: {0}")]
    Refused(String),

    /// The request cannot be written as JSON.
    #[error("the request cannot be written as JSON: {0}")]
    Unwritable(#[source] serde_json::Error),

    /// The answer is not what was expected.
    #[error("the answer of the pod is not what was expected: {0}")]
    Unreadable(#[source] serde_json::Error),

    /// A signal could not be sent, or the end of the process was missed.
    #[error("the process of the pod cannot be reached: {0}")]
    Io(#[from] io::Error),
}
