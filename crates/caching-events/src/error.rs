//! What can go wrong before handlers run: building a bus, publishing, committing.

use std::fmt;

use caching_core::NoScope;

/// Why an event could not be published.
///
/// What goes wrong in a handler is none of these: it is tried again and ends as a
/// [`DeadLetter`](crate::DeadLetter).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The event belongs to the publisher's scope, and there is none; or names one that there is not.
    #[error("no scope for event `{event}`: {source}")]
    NoScope {
        /// The name of the event.
        event: &'static str,
        /// What the scope says of the way out.
        source: NoScope,
    },

    /// The bus was stopped, or stopped before the event was delivered.
    #[error("event `{event}` came after the event bus was stopped")]
    Stopped {
        /// The name of the event.
        event: &'static str,
    },

    /// Handlers run on a tokio runtime, and there is none.
    #[error("event `{event}` needs a tokio runtime; publish it inside `#[tokio::main]` or a task")]
    NoRuntime {
        /// The name of the event.
        event: &'static str,
    },
}

/// Why a unit of work was not committed, or not known to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError<E> {
    /// One of its events could not have been published; the transaction was rolled back.
    #[error("not committed: {0}")]
    Event(PublishError),

    /// The transaction failed to commit; its events are gone with it.
    #[error("the transaction failed to commit")]
    Transaction(#[source] E),

    /// It was cut off, by a panic of the transaction or by a stop that ran out of time: nobody knows
    /// whether the transaction holds, and its events may not have been delivered.
    #[error("the commit was cut off before it answered; whether it holds is not known")]
    CutOff,
}

/// Why a bus could not be built: all of it at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBusBuildError {
    problems: Vec<EventBusProblem>,
}

/// One thing that keeps a bus from being built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventBusProblem {
    /// A setting that makes no sense.
    #[error("{0}")]
    Setting(String),

    /// Two handlers have one path.
    #[error("handler `{path}` is there twice; remove one of the two `.handler(…)` calls")]
    DuplicateHandler {
        /// The path of both.
        path: &'static str,
    },

    /// Two types of events have one name.
    #[error("`{first}` and `{second}` are both named `{name}`; rename one of the two events")]
    DuplicateName {
        /// The name of both.
        name: &'static str,
        /// One type.
        first: &'static str,
        /// The other.
        second: &'static str,
    },

    /// A handler needs a service that is not there.
    #[error("handler `{handler}` needs a `{service}`: {reason}")]
    MissingService {
        /// The path of the handler.
        handler: &'static str,
        /// The type of its parameter.
        service: &'static str,
        /// Why it is not there, and the way out.
        reason: String,
    },
}

impl EventBusBuildError {
    /// The error of these problems, unless there are none.
    pub(crate) fn unless_empty(problems: Vec<EventBusProblem>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self { problems })
        }
    }

    /// All that is wrong.
    #[must_use]
    pub fn problems(&self) -> &[EventBusProblem] {
        &self.problems
    }
}

impl fmt::Display for EventBusBuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for EventBusBuildError {}
