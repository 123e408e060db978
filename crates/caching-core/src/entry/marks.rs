//! What readers note on an entry, in one byte.

use std::sync::atomic::{AtomicU8, Ordering};

/// What readers note on an entry. All of it is hints.
#[derive(Debug, Default)]
pub(super) struct Marks(AtomicU8);

const TOUCHED: u8 = 1;
const REFRESHING: u8 = 2;

impl Marks {
    /// Notes a use; true for the first one since [`untouch`](Self::untouch).
    #[inline]
    pub(super) fn touch(&self) -> bool {
        // A load before the change: a line that all readers share should stay shared.
        !self.has(TOUCHED) && self.set(TOUCHED)
    }

    pub(super) fn untouch(&self) {
        // Relaxed, here and below: a mark says nothing of any other memory.
        self.0.fetch_and(!TOUCHED, Ordering::Relaxed);
    }

    /// Takes the right to refresh the entry; true for one caller.
    pub(super) fn claim_refresh(&self) -> bool {
        !self.has(REFRESHING) && self.set(REFRESHING)
    }

    #[inline]
    fn has(&self, mark: u8) -> bool {
        self.0.load(Ordering::Relaxed) & mark != 0
    }

    /// True for the one who sets it.
    fn set(&self, mark: u8) -> bool {
        self.0.fetch_or(mark, Ordering::Relaxed) & mark == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_is_set_once_and_leaves_the_other_alone() {
        let marks = Marks::default();
        assert!(marks.touch());
        assert!(!marks.touch());
        assert!(marks.claim_refresh());
        marks.untouch();
        assert!(!marks.claim_refresh());
        assert!(marks.touch());
    }
}
