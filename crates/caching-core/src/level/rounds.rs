//! The round that finds what is past its retention: a few seats are looked at with each store.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Tick;
use crate::level::seat::Seat;

/// How long a round takes at most, where there are stores enough to pay for it.
const ROUND: Duration = Duration::from_secs(60);

/// So many seats are looked at with a store at least. More than one: the list then holds no more of those who
/// left than of those who stay, however often keys are stored again.
const AT_LEAST: usize = 2;

/// So many at most: about what a store costs anyway.
const AT_MOST: usize = 256;

/// All seats that were taken, to be looked at in turn.
///
/// A wheel of times would find the end of an entry to the second. It has to keep a time, and to be told who left,
/// or to be cleaned of them all at once. This keeps twelve bytes a seat and nothing else.
#[derive(Default)]
pub(super) struct Rounds(
    /// Held while a few seats are looked at, under the lock of a stripe. Whoever has it takes those of the policy
    /// and no other.
    Mutex<List>,
);

#[derive(Default)]
struct List {
    /// In front the one whose turn it is.
    seats: VecDeque<Packed>,
    /// When it was somebody's turn last.
    last: Tick,
}

/// A seat in twelve bytes: the hash in halves, which may stand at any multiple of four.
#[derive(Clone, Copy)]
struct Packed {
    high: u32,
    low: u32,
    number: u32,
}

impl Rounds {
    /// Enters a seat that was taken now, and goes on with the round: `stays` tells whether a seat is still to be
    /// looked at in later ones.
    pub(super) fn enter(&self, seat: Seat, now: Tick, stays: impl FnMut(Seat) -> bool) {
        // Each step leaves it whole.
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.seats.push_back(seat.into());
        let share = now.since(list.last).as_secs_f64() / ROUND.as_secs_f64();
        let due = (list.seats.len() as f64 * share).ceil() as usize;
        list.last = list.last.max(now);
        list.look_at(due.clamp(AT_LEAST, AT_MOST), stays);
    }

    /// Goes a whole round.
    #[cfg(test)]
    pub(super) fn finish(&self, stays: impl FnMut(Seat) -> bool) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = list.seats.len();
        list.look_at(all, stays);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.seats.len()
    }
}

impl List {
    fn look_at(&mut self, count: usize, mut stays: impl FnMut(Seat) -> bool) {
        for _ in 0..count {
            let Some(seat) = self.seats.pop_front() else {
                break;
            };
            if stays(seat.into()) {
                self.seats.push_back(seat);
            }
        }
        // What was needed for many is given back, with room to grow again.
        if self.seats.len() < self.seats.capacity() / 4 {
            self.seats.shrink_to(self.seats.len() * 2);
        }
    }
}

impl From<Seat> for Packed {
    fn from(Seat { hash, number }: Seat) -> Self {
        Self {
            high: (hash >> 32) as u32,
            low: hash as u32,
            number,
        }
    }
}

impl From<Packed> for Seat {
    fn from(Packed { high, low, number }: Packed) -> Self {
        Self {
            hash: u64::from(high) << 32 | u64::from(low),
            number,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn seat(number: u32) -> Seat {
        Seat {
            hash: u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            number,
        }
    }

    #[test]
    fn a_seat_is_found_again_as_it_was() {
        let rounds = Rounds::default();
        rounds.enter(seat(7), Tick::ZERO, |found| {
            assert_eq!(found, seat(7));
            true
        });
    }

    #[test]
    fn every_seat_is_looked_at_within_as_many_stores_as_half_of_the_list() {
        let rounds = Rounds::default();
        (0..1_000).for_each(|n| rounds.enter(seat(n), Tick::ZERO, |_| true));
        let mut seen = HashSet::new();
        for n in 1_000..1_500 {
            rounds.enter(seat(n), Tick::ZERO, |seat| {
                seen.insert(seat.number);
                true
            });
        }
        assert!((0..1_000).all(|n| seen.contains(&n)));
    }

    #[test]
    fn a_round_takes_a_minute_where_there_are_few_stores() {
        let rounds = Rounds::default();
        (0..1_000).for_each(|n| rounds.enter(seat(n), Tick::ZERO, |_| true));
        let mut seen = HashSet::new();
        for second in 1..=60 {
            let now = Tick::ZERO.after(Duration::from_secs(second));
            rounds.enter(seat(1_000), now, |seat| {
                seen.insert(seat.number);
                true
            });
        }
        assert!((0..1_000).all(|n| seen.contains(&n)), "{}", seen.len());
    }

    #[test]
    fn keys_that_are_stored_again_and_again_do_not_make_the_list_longer_than_twice_their_number() {
        let rounds = Rounds::default();
        // The first hundred stay, and then one key has another seat each time.
        for n in 0..100_000 {
            rounds.enter(seat(n), Tick::ZERO, |seat| {
                seat.number < 100 || seat.number == n
            });
        }
        assert!(rounds.len() <= 2 * 100, "{}", rounds.len());
    }

    #[test]
    fn a_list_that_got_short_gives_its_room_back() {
        let rounds = Rounds::default();
        (0..10_000).for_each(|n| rounds.enter(seat(n), Tick::ZERO, |_| true));
        rounds.finish(|seat| seat.number < 100);
        let list = rounds.0.lock().unwrap();
        assert!(list.seats.capacity() < 1_000, "{}", list.seats.capacity());
    }
}
