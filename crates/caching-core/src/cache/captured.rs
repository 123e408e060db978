//! The scope of a call, captured when its verb was called.

use crate::scope::{NoScope, ScopeId};

/// The scope of a call, captured when its verb was called.
///
/// Two fields and no `Result`: a hit reads the number alone, as it was written. A `Result` would be copied as a
/// whole, which makes the processor wait for its halves to meet in memory, a twentieth of a hit.
#[derive(Clone, Debug)]
pub(crate) struct Captured {
    /// Means nothing where there is none.
    scope: ScopeId,
    problem: Option<Box<NoScope>>,
}

impl Captured {
    /// The scope that was captured.
    ///
    /// # Errors
    ///
    /// There was none.
    #[inline]
    pub(crate) fn get(&self) -> Result<ScopeId, &NoScope> {
        match &self.problem {
            None => Ok(self.scope),
            Some(problem) => Err(problem),
        }
    }
}

impl From<ScopeId> for Captured {
    #[inline]
    fn from(scope: ScopeId) -> Self {
        Self {
            scope,
            problem: None,
        }
    }
}

impl From<Result<ScopeId, NoScope>> for Captured {
    #[inline]
    fn from(current: Result<ScopeId, NoScope>) -> Self {
        match current {
            Ok(scope) => scope.into(),
            Err(problem) => Self {
                scope: ScopeId::SHARED,
                problem: Some(Box::new(problem)),
            },
        }
    }
}
