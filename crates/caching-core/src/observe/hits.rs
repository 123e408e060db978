//! The count of hits: a line of its own for each thread, which nobody else writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many lines there are. All threads beyond share the last one.
const LINES: usize = 32;
const SHARED: usize = LINES - 1;

/// The count of hits, on several cache lines.
///
/// An atomic addition costs about as much as a look-up in the index, and a hit would do one more of them. A line
/// that one thread alone writes needs none: it is read and written back.
#[derive(Debug, Default)]
pub(super) struct Hits([Line; LINES]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Line(AtomicU64);

impl Hits {
    #[inline]
    pub(super) fn add(&self) {
        // While the thread ends, it has no line any more.
        let line = MINE.try_with(|mine| mine.0).unwrap_or(SHARED);
        let Some(Line(count)) = self.0.get(line) else {
            return;
        };
        // Relaxed: a count orders nothing. That the last count of a line's former owner is seen follows from
        // the lock by which it was handed over.
        if line == SHARED {
            count.fetch_add(1, Ordering::Relaxed);
        } else {
            count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
    }

    pub(super) fn sum(&self) -> u64 {
        let counts = self.0.iter().map(|line| line.0.load(Ordering::Relaxed));
        counts.sum()
    }
}

thread_local! {
    static MINE: Mine = Mine::take();
}

/// The number of the line that this thread alone writes, in all caches.
struct Mine(usize);

/// The lines that nobody has. Held for a push or a pop; each leaves it whole.
static FREE: Mutex<Free> = Mutex::new(Free {
    given_back: Vec::new(),
    next: 0,
});

struct Free {
    given_back: Vec<usize>,
    next: usize,
}

impl Mine {
    fn take() -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = free.given_back.pop() {
            return Self(line);
        }
        let line = free.next;
        if line < SHARED {
            free.next += 1;
        }
        Self(line)
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        if self.0 < SHARED {
            let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
            free.given_back.push(self.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn hits_of_more_threads_than_lines_at_the_same_time_are_all_counted() {
        const THREADS: usize = 2 * LINES;
        let (hits, all_there) = (Hits::default(), Barrier::new(THREADS));
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    hits.add();
                    all_there.wait();
                    for _ in 0..10_000 {
                        hits.add();
                    }
                });
            }
        });
        assert_eq!(hits.sum(), THREADS as u64 * 10_001);
    }

    #[test]
    fn a_line_is_handed_on_when_its_thread_ends_and_nothing_is_lost() {
        let hits = Hits::default();
        for _ in 0..10 * LINES {
            std::thread::scope(|scope| {
                scope.spawn(|| hits.add());
            });
        }
        assert_eq!(hits.sum(), 10 * LINES as u64);
    }
}
