//! Telling of what happens again and again: each reason once a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a reason is not told again.
const PAUSE: Duration = Duration::from_secs(60);

/// Tells each reason once a minute, however often it is given.
#[derive(Debug)]
pub(crate) struct Seldom {
    what: &'static str,
    /// Held for a look, never across an await. Reasons are words of this program, so that there are
    /// few of them.
    told: Mutex<HashMap<&'static str, Instant>>,
}

impl Seldom {
    pub(crate) fn new(what: &'static str) -> Self {
        Self {
            what,
            told: Mutex::default(),
        }
    }

    /// Gives a reason; it is logged unless it was a short while ago.
    pub(crate) fn tell(&self, reason: &'static str) {
        if self.is_due(reason, Instant::now()) {
            tracing::warn!(reason, "{}", self.what);
        }
    }

    /// The same with what happened this time, which is put into words only where it is logged.
    pub(crate) fn tell_why(&self, reason: &'static str, error: impl FnOnce() -> String) {
        if self.is_due(reason, Instant::now()) {
            tracing::warn!(reason, error = error(), "{}", self.what);
        }
    }

    fn is_due(&self, reason: &'static str, now: Instant) -> bool {
        // A map of words is whole whatever its last user came to.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get(reason) {
            Some(last) if now.duration_since(*last) < PAUSE => false,
            _ => {
                told.insert(reason, now);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_once_a_minute() {
        let seldom = Seldom::new("a record was not read");
        let now = Instant::now();
        assert!(seldom.is_due("truncated", now));
        assert!(!seldom.is_due("truncated", now + PAUSE / 2));
        assert!(seldom.is_due("tampered", now));
        assert!(seldom.is_due("truncated", now + PAUSE));
    }
}
