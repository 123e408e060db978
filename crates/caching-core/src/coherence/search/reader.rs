//! A reader of a small world: it looks, joins a flight or begins one, is given a value, and begins again.

use crate::coherence::Rule;

use super::flight::{self, Flight};
use super::number::Moment;
use super::state::{State, Then};
use super::step::Step;
use super::world::World;

/// How many readers there may be.
pub(super) const READERS: usize = 3;

/// The readers of all processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Readers(pub(super) [Reader; READERS]);

/// A reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Reader {
    pub(super) phase: Phase,
    /// The oldest version that it may be given.
    pub(super) least: u8,
    /// Whether it reads no more after this.
    pub(super) is_last: bool,
}

/// How far a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    #[default]
    Idle,
    /// It has looked at the clock and at the lease.
    Looking { now: Moment, is_leased: bool },
    /// It has found an entry that the lease did not cover: only where the lease comes after the look.
    Found { version: u8 },
    /// There was nothing to give.
    Missed,
    /// It waits for the flight of another reader.
    Joined { pilot: u8, arrived: u8 },
    /// It has a flight of its own.
    Flying(Flight),
}

impl Readers {
    pub(super) fn flight(&self, reader: u8) -> Option<&Flight> {
        match &self.0[usize::from(reader)].phase {
            Phase::Flying(flight) => Some(flight),
            _ => None,
        }
    }

    pub(super) fn detach(&mut self, reader: u8) {
        if let Phase::Flying(flight) = &mut self.0[usize::from(reader)].phase {
            flight.detach();
        }
    }

    /// The same a tick later.
    pub(super) fn age(&mut self) {
        for reader in &mut self.0 {
            match &mut reader.phase {
                Phase::Looking { now, .. } => *now = now.begun_later(),
                Phase::Flying(flight) => flight.age(),
                _ => {}
            }
        }
    }
}

/// Every step that a reader may take next.
pub(super) fn steps(state: &State, world: &World, r: usize, then: &mut Then<'_>) {
    let p = world.readers[r].pod;
    let pod = &state.pods[p];
    match state.readers.0[r].phase {
        Phase::Idle if state.readers.0[r].is_last => {}
        Phase::Idle => state.take(Step::Begin(r), then, |next| {
            next.readers.0[r].is_last = world.readers[r].is_once;
            next.readers.0[r].least = next.settled.max(next.pods[p].settled);
            begin(next, r, p);
            if !world.is_fine {
                look(next, world, r, p);
            }
        }),
        Phase::Looking { .. } => state.take(Step::Look(r), then, |next| {
            look(next, world, r, p);
        }),
        Phase::Found { version } => state.take(Step::LookLate(r), then, |next| match pod.holds() {
            true => next.give(r, version),
            false => next.readers.0[r].phase = Phase::Missed,
        }),
        Phase::Missed => {
            if world.is_fine && pod.holds() && pod.fresh().is_some() {
                state.take(Step::LookAgain(r), then, |next| begin(next, r, p));
            }
            flight::board(state, world, r, then);
        }
        // Its pilot lands for it.
        Phase::Joined { .. } => {}
        Phase::Flying(flight) => flight::fly(state, world, r, flight, then),
    }
}

fn begin(next: &mut State, r: usize, p: usize) {
    let (now, is_leased) = next.pods[p].permit();
    next.readers.0[r].phase = Phase::Looking { now, is_leased };
}

fn look(next: &mut State, world: &World, r: usize, p: usize) {
    let Phase::Looking { now, is_leased } = next.readers.0[r].phase else {
        return;
    };
    let pod = &next.pods[p];
    let is_late = !world.rules.keep(Rule::LeaseBeforeLook);
    match (pod.look(now, is_leased), pod.fresh()) {
        (Some(version), _) => next.give(r, version),
        (None, Some(kept)) if is_late => {
            let version = kept.version;
            next.readers.0[r].phase = Phase::Found { version };
        }
        (None, _) => next.readers.0[r].phase = Phase::Missed,
    }
}
