//! How a part of an application is, as it says itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::Services;

/// How a part of an application is.
///
/// | | readiness | means |
/// | --- | --- | --- |
/// | `Up` | 200 | works |
/// | `Degraded` | 200 | works, with less: a text says what |
/// | `Down` | 503 | no request should come here: a text says why |
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Up,
    /// It works with less than it should have. The text is shown to whoever may ask for readiness.
    Degraded(String),
    /// It does not work. The text is shown to whoever may ask for readiness.
    Down(String),
}

impl Health {
    /// It works with less than it should have.
    pub fn degraded(text: impl Into<String>) -> Self {
        Self::Degraded(text.into())
    }

    /// It does not work.
    pub fn down(text: impl Into<String>) -> Self {
        Self::Down(text.into())
    }
}

pub(crate) type HealthFuture = Pin<Box<dyn Future<Output = Health> + Send>>;

/// A named question that a module answers.
#[derive(Clone)]
pub(crate) struct HealthCheck {
    pub(crate) name: String,
    pub(crate) module: &'static str,
    pub(crate) ask: Arc<dyn Fn(Services) -> HealthFuture + Send + Sync>,
}
