//! Those who wait for a flight: a waker each, and a timer for all who wait in one runtime.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use smallvec::SmallVec;
use tokio::runtime::{Handle, Id};
use tokio::task::coop::{Unconstrained, unconstrained};
use tokio::time::{Sleep, sleep};

/// Those who wait for a flight.
#[derive(Default)]
pub(super) struct Waiters {
    /// Held to note a waker or to take them all; never while one is woken, nor across an await.
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    /// How often all were woken. What was noted before then is not there any more.
    round: u32,
    wakers: SmallVec<[Slot; 1]>,
    /// The slot that was given up last.
    free: Option<u32>,
    watches: SmallVec<[Watch; 1]>,
}

enum Slot {
    Taken(Waker),
    /// Given up; and the one that was given up before it.
    Free(Option<u32>),
}

/// A timer of a runtime.
struct Watch {
    runtime: Id,
    _sleep: Pin<Box<Unconstrained<Sleep>>>,
}

/// Where a waker was noted.
#[derive(Clone, Copy)]
pub(super) struct Place {
    round: u32,
    slot: u32,
}

impl Waiters {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        // Nothing that is done under it ends half-way.
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes who waits, in its place if it has one, unless it `is_over`.
    pub(super) fn note(
        &self,
        place: &mut Option<Place>,
        waker: &Waker,
        is_over: impl FnOnce() -> bool,
    ) {
        // Whatever a waker does when it is cloned or dropped, it does it without the lock.
        let waker = waker.clone();
        let mut noted = self.noted();
        // Under the lock: either this sees the end, or whoever brought it finds the waker.
        if is_over() {
            return;
        }
        let replaced = noted.put(place, waker);
        drop(noted);
        drop(replaced);
    }

    /// Forgets one who does not wait any more.
    pub(super) fn forget(&self, place: Place) {
        let mut noted = self.noted();
        let forgotten = noted.free(place);
        drop(noted);
        drop(forgotten);
    }

    /// Sets a timer in a runtime that wakes `whom` after this time, unless there is one, or it `is_over`.
    pub(super) fn watch(
        &self,
        runtime: &Handle,
        after: impl FnOnce() -> Duration,
        whom: impl FnOnce() -> Waker,
        is_over: impl FnOnce() -> bool,
    ) {
        let id = runtime.id();
        let mut noted = self.noted();
        if is_over() || noted.watches.iter().any(|watch| watch.runtime == id) {
            return;
        }
        let _inside = runtime.enter();
        // The lock of the timers is taken under this one, and given up by them before they wake anybody.
        let mut sleep = Box::pin(unconstrained(sleep(after())));
        let whom = whom();
        let is_due = sleep.as_mut().poll(&mut Context::from_waker(&whom));
        noted.watches.push(Watch {
            runtime: id,
            _sleep: sleep,
        });
        drop(noted);
        if is_due.is_ready() {
            whom.wake();
        }
    }

    /// Wakes everybody, each of whom may wait again.
    pub(super) fn wake(&self) {
        let wakers = self.noted().take_wakers();
        wake_each(wakers);
    }

    /// The same at the end: no timer is needed any more.
    pub(super) fn end(&self) {
        let mut noted = self.noted();
        let (wakers, watches) = (noted.take_wakers(), std::mem::take(&mut noted.watches));
        drop(noted);
        drop(watches);
        wake_each(wakers);
    }
}

fn wake_each(wakers: SmallVec<[Slot; 1]>) {
    for slot in wakers {
        if let Slot::Taken(waker) = slot {
            waker.wake();
        }
    }
}

impl Noted {
    /// Puts a waker in its place, or in a free one; gives back what was there.
    fn put(&mut self, place: &mut Option<Place>, waker: Waker) -> Option<Waker> {
        if let Some(slot) = place.and_then(|place| self.slot(place)) {
            return match std::mem::replace(slot, Slot::Taken(waker)) {
                Slot::Taken(replaced) => Some(replaced),
                Slot::Free(_) => None,
            };
        }
        let at = match self.free {
            Some(free) => free,
            None => {
                self.wakers.push(Slot::Free(None));
                // So many callers have no room in memory.
                u32::try_from(self.wakers.len() - 1).unwrap_or(u32::MAX)
            }
        };
        if let Some(slot) = self.wakers.get_mut(at as usize)
            && let Slot::Free(next) = std::mem::replace(slot, Slot::Taken(waker))
        {
            self.free = next;
        }
        *place = Some(Place {
            round: self.round,
            slot: at,
        });
        None
    }

    fn free(&mut self, place: Place) -> Option<Slot> {
        let free = self.free;
        let slot = self.slot(place)?;
        let given_up = std::mem::replace(slot, Slot::Free(free));
        self.free = Some(place.slot);
        Some(given_up)
    }

    /// A place that was given in this round.
    fn slot(&mut self, place: Place) -> Option<&mut Slot> {
        let slots = (place.round == self.round).then_some(&mut self.wakers)?;
        slots.get_mut(place.slot as usize)
    }

    fn take_wakers(&mut self) -> SmallVec<[Slot; 1]> {
        self.round = self.round.wrapping_add(1);
        self.free = None;
        std::mem::take(&mut self.wakers)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Woken {
        fn times(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn one() -> (Arc<Woken>, Waker, Option<Place>) {
        let woken = Arc::new(Woken::default());
        (Arc::clone(&woken), Waker::from(woken), None)
    }

    #[test]
    fn a_place_from_before_all_were_woken_is_nobody_elses() {
        let waiters = Waiters::default();
        let (_, early, mut before) = one();
        let (late, waker, mut after) = one();
        waiters.note(&mut before, &early, || false);
        waiters.wake();
        waiters.note(&mut after, &waker, || false);
        waiters.forget(before.unwrap());
        waiters.wake();
        assert_eq!(late.times(), 1);
    }

    #[test]
    fn who_waits_on_is_woken_by_the_waker_of_its_last_poll() {
        let waiters = Waiters::default();
        let ((first, one_waker, mut place), (second, other_waker, _)) = (one(), one());
        waiters.note(&mut place, &one_waker, || false);
        waiters.note(&mut place, &other_waker, || false);
        waiters.wake();
        assert_eq!((first.times(), second.times()), (0, 1));
    }

    #[test]
    fn nobody_is_noted_where_it_is_over() {
        let waiters = Waiters::default();
        let (woken, waker, mut place) = one();
        waiters.note(&mut place, &waker, || true);
        drop(waker);
        assert!(place.is_none());
        assert_eq!(Arc::strong_count(&woken), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn each_runtime_has_one_timer_and_at_the_end_none_of_them_keeps_anything() {
        let waiters = Waiters::default();
        let (woken, waker, _) = one();
        let second = Duration::from_secs(1);
        for _ in 0..3 {
            let whom = || waker.clone();
            waiters.watch(&Handle::current(), || second, whom, || false);
        }
        tokio::time::sleep(2 * second).await;
        assert_eq!(woken.times(), 1);
        let waiters = Waiters::default();
        waiters.watch(&Handle::current(), || second, || waker.clone(), || false);
        waiters.end();
        drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1);
        tokio::time::sleep(2 * second).await;
        assert_eq!(woken.times(), 1);
    }
}
