//! Handlers that were given up, kept for people to look at.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::event::{AnyEvent, DomainEvent};

/// An event that one handler could not handle.
#[derive(Clone)]
pub struct DeadLetter {
    pub(crate) event: AnyEvent,
    pub(crate) event_name: &'static str,
    pub(crate) handler: &'static str,
    pub(crate) is_invalidation: bool,
    pub(crate) scope: Arc<str>,
    pub(crate) tries: u32,
    pub(crate) reason: Arc<str>,
    pub(crate) at: SystemTime,
}

impl DeadLetter {
    /// The name of the event.
    #[must_use]
    pub fn event_name(&self) -> &'static str {
        self.event_name
    }

    /// The event, if it is an `E`: to handle it by hand.
    #[must_use]
    pub fn event<E: DomainEvent>(&self) -> Option<&E> {
        self.event.downcast_ref()
    }

    /// The path of the handler.
    #[must_use]
    pub fn handler(&self) -> &'static str {
        self.handler
    }

    /// Whether it is an invalidation; the kinds of its keys and its tags were cleared instead.
    #[must_use]
    pub fn is_invalidation(&self) -> bool {
        self.is_invalidation
    }

    /// The text of the scope of the event, such as `t:acme`.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// How often it was tried.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// What went wrong at last.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// When it was given up.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }
}

/// Without the event, whose fields may be nobody's to read in a log.
impl fmt::Debug for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetter")
            .field("event", &self.event_name)
            .field("handler", &self.handler)
            .field("is_invalidation", &self.is_invalidation)
            .field("scope", &self.scope)
            .field("tries", &self.tries)
            .field("reason", &self.reason)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// The dead letters of a bus, the newest last.
#[derive(Default)]
pub(crate) struct DeadLetters {
    limit: usize,
    // A plain mutex: it is held for a push or a copy, never across an await.
    kept: Mutex<VecDeque<DeadLetter>>,
}

impl DeadLetters {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            kept: Mutex::default(),
        }
    }

    /// Keeps a letter; the oldest makes room.
    pub(crate) fn push(&self, letter: DeadLetter) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(letter);
        let too_many = kept.len().saturating_sub(self.limit);
        kept.drain(..too_many);
    }

    pub(crate) fn list(&self) -> Vec<DeadLetter> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }

    pub(crate) fn take(&self) -> Vec<DeadLetter> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.drain(..).collect()
    }
}
