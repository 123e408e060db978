//! What can go wrong with an application, an enum an act.

use std::error::Error;
use std::fmt;
use std::io;

use crate::{BoxError, ConfigProblem, StopReport};

/// One thing that keeps an application from being built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The same module type was given to the builder twice.
    #[error("module `{module}` was added twice; an application has at most one of each type")]
    DuplicateModule {
        /// The module.
        module: &'static str,
    },
    /// Modules wait for one another.
    #[error(
        "modules depend on one another in a circle: {}; leave out one of these edges",
        path.join(" -> ")
    )]
    Cycle {
        /// The names along the circle; the first is repeated at the end.
        path: Vec<&'static str>,
    },
    /// A required module is not in the application and cannot be made from nothing.
    #[error("module `{module}` requires `{requirement}`; add one with `.with_module(…)`")]
    MissingRequirement {
        /// The module that requires another.
        module: &'static str,
        /// The type of the module that is not there.
        requirement: String,
    },
    /// A required module is disabled.
    #[error(
        "module `{module}` requires `{requirement}`, which is disabled: {reason}; enable it or leave `{module}` out"
    )]
    DisabledRequirement {
        /// The module that requires another.
        module: &'static str,
        /// The module that is disabled.
        requirement: &'static str,
        /// Why it is disabled.
        reason: String,
    },
    /// Two modules provide the same service.
    #[error(
        "service `{service}` is provided by both `{first}` and `{second}`; one must go, or contribute to the other's builder"
    )]
    DuplicateProvider {
        /// The type of the service.
        service: String,
        /// The module that came first.
        first: &'static str,
        /// The module that came second.
        second: &'static str,
    },
    /// A module contributes to a builder that no enabled module provides.
    #[error(
        "module `{module}` contributes to `{builder}`, which no enabled module provides; add and require the module that does"
    )]
    ContributionWithoutProvider {
        /// The module that contributes.
        module: &'static str,
        /// The type of the builder.
        builder: String,
    },
    /// A contribution to a builder failed.
    #[error("the contribution of module `{module}` to `{builder}` failed")]
    ContributionFailed {
        /// The module that contributes.
        module: &'static str,
        /// The type of the builder.
        builder: String,
        /// What the contribution returned, or its panic.
        source: BoxError,
    },
    /// Something is wrong in a file, a text or an environment variable.
    #[error("bad configuration: {0}")]
    Configuration(ConfigProblem),
    /// A module failed, or panicked, before or in its `configure`.
    #[error("module `{module}` could not be configured")]
    ConfigureFailed {
        /// The module.
        module: &'static str,
        /// What the module returned, or its panic.
        source: BoxError,
    },
    /// A service could not be built.
    #[error("service `{service}` of module `{module}` could not be built")]
    ServiceFailed {
        /// The module that provides the service.
        module: &'static str,
        /// The type of the service.
        service: String,
        /// What the builder returned, or its panic.
        source: BoxError,
    },
    /// A check of a module did not pass.
    #[error("a check of module `{module}` failed")]
    CheckFailed {
        /// The module.
        module: &'static str,
        /// What the check returned, or its panic.
        source: BoxError,
    },
    /// The routes, or a layer, of a module could not be made.
    #[cfg(feature = "http")]
    #[error("the routes of module `{module}` could not be made")]
    RoutesFailed {
        /// The module.
        module: &'static str,
        /// What the closure returned, or its panic.
        source: BoxError,
    },
    /// The routes of a module collide with those of the host or of a module before it.
    #[cfg(feature = "http")]
    #[error("the routes of module `{module}` collide with others: {reason}; give one another path")]
    RouteConflict {
        /// The module that came second.
        module: &'static str,
        /// Which route, in the words of the router.
        reason: String,
    },
}

/// Everything that keeps an application from being built, at once.
///
/// `Display` and `Debug` are the same numbered list, so that a `main` that returns it prints something
/// readable. The order is stable: the same faults give the same list.
pub struct BuildErrors {
    errors: Vec<BuildError>,
}

impl BuildErrors {
    pub(crate) fn new(errors: Vec<BuildError>) -> Self {
        Self { errors }
    }

    /// The errors, in the order of the list.
    pub fn errors(&self) -> &[BuildError] {
        &self.errors
    }
}

impl IntoIterator for BuildErrors {
    type Item = BuildError;
    type IntoIter = std::vec::IntoIter<BuildError>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

impl fmt::Display for BuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.errors.len();
        let noun = if count == 1 { "error" } else { "errors" };
        write!(f, "the application cannot be built ({count} {noun}):")?;
        for (index, error) in self.errors.iter().enumerate() {
            let text = Chain(error).to_string().replace('\n', "\n     ");
            write!(f, "\n  {}. {text}", index + 1)?;
        }
        Ok(())
    }
}

impl fmt::Debug for BuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for BuildErrors {}

/// Why an application did not start.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The `start` of a module failed or panicked; what had started was stopped in reverse.
    #[error("module `{module}` did not start")]
    Module {
        /// The module.
        module: &'static str,
        /// What it returned, or its panic.
        source: BoxError,
        /// How the modules that had started were stopped.
        undone: StopReport,
    },
    /// The application was told to stop while it was starting; what had started was stopped in reverse.
    #[error("the start was interrupted by a stop")]
    Interrupted {
        /// How the modules that had started were stopped.
        undone: StopReport,
    },
    /// The application has been started before; build another one.
    #[error(
        "the application has been started before; an application starts once, build another one"
    )]
    AlreadyStarted,
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Chain(self), f)
    }
}

/// Why a run ended other than by a clean stop.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The address cannot be listened on: in use, not ours, not an address.
    #[error(
        "cannot listen on `{address}`, the value of {setting}; free it or set another, such as APP__SERVER__ADDRESS=127.0.0.1:8081"
    )]
    Bind {
        /// The address as configured.
        address: String,
        /// The setting and where it comes from.
        setting: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A module did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The host cannot hear SIGTERM or Ctrl-C.
    #[error("cannot listen for termination signals")]
    Signal(#[source] io::Error),
    /// The application stopped, but a module failed, panicked or was late.
    #[error("the application did not stop cleanly: {0}")]
    UncleanStop(StopReport),
}

impl fmt::Debug for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Chain(self), f)
    }
}

/// An error with its sources on one line, leaving out a source that its parent has already told.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        f.write_str(&told)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            let text = error.to_string();
            if !told.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            told = text;
            next = error.source();
        }
        Ok(())
    }
}
