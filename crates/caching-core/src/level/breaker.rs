//! Leaves a failing store alone for a while, and then lets one call try.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Tick;

/// Leaves a failing store alone for a while, and then lets one call try.
///
/// | state | a call | its failure | its success |
/// | --- | --- | --- | --- |
/// | closed | passes | counts; the last of so many opens it | sets the count back |
/// | open | is refused | | |
/// | open, and its pause is over | one passes | opens it again | closes it |
#[derive(Debug)]
pub(crate) struct Breaker {
    failures: u32,
    pause: Duration,
    /// Held for a comparison, never across an await.
    state: Mutex<State>,
    /// Whether there is anything in `state`: as long as calls succeed, none of them takes the lock.
    is_troubled: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Tick>,
}

/// What a call changed about the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Opened,
    Closed,
    None,
}

impl Breaker {
    pub(crate) fn new(failures: u32, pause: Duration) -> Self {
        Self {
            failures,
            pause,
            state: Mutex::default(),
            is_troubled: AtomicBool::new(false),
        }
    }

    /// Whether a call may be made now. When the pause is over, one may, and the next pause begins.
    pub(crate) fn admits(&self, now: Tick) -> bool {
        if !self.is_troubled() {
            return true;
        }
        let mut state = self.lock();
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = Some(now.after(self.pause));
                true
            }
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_troubled() && self.lock().open_until.is_some()
    }

    pub(crate) fn succeeded(&self) -> Turn {
        if !self.is_troubled() {
            return Turn::None;
        }
        let mut state = self.lock();
        self.is_troubled.store(false, Ordering::Relaxed);
        let before = std::mem::take(&mut *state);
        if before.open_until.is_some() {
            Turn::Closed
        } else {
            Turn::None
        }
    }

    pub(crate) fn failed(&self, now: Tick) -> Turn {
        let mut state = self.lock();
        self.is_troubled.store(true, Ordering::Relaxed);
        state.failures = state.failures.saturating_add(1);
        if state.failures < self.failures {
            return Turn::None;
        }
        let was_open = state.open_until.is_some();
        state.open_until = Some(now.after(self.pause));
        if was_open { Turn::None } else { Turn::Opened }
    }

    fn is_troubled(&self) -> bool {
        // Relaxed, here and where it is written under the lock: whoever does not see a failure yet is a call
        // that was made before it.
        self.is_troubled.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Two numbers, whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    #[test]
    fn it_opens_after_so_many_failures_in_a_row_and_lets_one_call_try_after_its_pause() {
        let breaker = Breaker::new(3, PAUSE);
        let now = Tick::ZERO;
        assert_eq!(breaker.failed(now), Turn::None);
        assert_eq!(breaker.failed(now), Turn::None);
        assert_eq!(breaker.succeeded(), Turn::None);
        for _ in 0..2 {
            assert_eq!(breaker.failed(now), Turn::None);
        }
        assert_eq!(breaker.failed(now), Turn::Opened);
        assert!(!breaker.admits(now));
        let later = now.after(PAUSE);
        assert!(breaker.admits(later), "the one that tries");
        assert!(!breaker.admits(later), "and no other");
        assert_eq!(breaker.succeeded(), Turn::Closed);
        assert!(breaker.admits(later));
    }
}
