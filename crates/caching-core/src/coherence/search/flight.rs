//! A load of a small world: it asks the store, reads the source, fills, keeps and lands.

use crate::coherence::{Age, Candidate, Permit, Question, Rule, Worth};

use super::number::{At, Moment};
use super::pod::{Kept, Pod};
use super::reader::Phase;
use super::server::Stored;
use super::state::{State, Then};
use super::step::Step;
use super::world::World;

/// A load under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Flight {
    asof: At,
    begun: Moment,
    tag_clock: u8,
    shared_clock: Option<u8>,
    is_detached: bool,
    stage: Stage,
}

/// How far a load is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Approaching,
    Asked(Asked),
    Answered {
        asked: Asked,
        at: Option<At>,
        tag_clock: u8,
        found: Option<Stored>,
    },
    /// The store had nothing: the factory is next.
    Ready,
    Loaded {
        version: u8,
    },
    /// The store was offered the value, and it holds as of this; `None` where another epoch refused it.
    Offered {
        version: u8,
        asof: Option<At>,
    },
}

/// What was noted when the store was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Asked {
    known: At,
    touched: At,
    tag_clock: u8,
}

impl Asked {
    fn note(pod: &Pod) -> Self {
        Self {
            known: pod.known(),
            touched: pod.touched,
            tag_clock: pod.tagged.clock,
        }
    }
}

impl Flight {
    fn begin(pod: &Pod) -> Self {
        let known = pod.known();
        Self {
            asof: known,
            begun: Moment::now(),
            tag_clock: pod.tagged.clock,
            shared_clock: pod.tagged.shared_clock(known.epoch),
            is_detached: false,
            stage: Stage::Approaching,
        }
    }

    pub(super) const fn asof(&self) -> At {
        self.asof
    }

    pub(super) fn detach(&mut self) {
        self.is_detached = true;
    }

    /// The same a tick later.
    pub(super) fn age(&mut self) {
        self.begun = self.begun.begun_later();
    }

    fn rest_on(&mut self, at: At, tag_clock: u8) {
        if at.asof().is_after(self.asof.asof()) {
            self.asof = at;
            self.shared_clock = Some(tag_clock);
        }
    }
}

/// Joins the flight of the key, or begins one.
pub(super) fn board(state: &State, world: &World, r: usize, then: &mut Then<'_>) {
    let p = world.readers[r].pod;
    let pod = &state.pods[p];
    let name = u8::try_from(r).unwrap_or_default();
    let can_load = world.readers[r].can_load;
    let listed = pod.listed.filter(|_| can_load).and_then(|pilot| {
        let flight = state.readers.flight(pilot)?;
        may_join(pod, flight).then_some(pilot)
    });
    if let Some(pilot) = listed {
        return state.take(Step::Join(r), then, |next| {
            let arrived = pod.tagged.clock;
            next.readers.0[r].phase = Phase::Joined { pilot, arrived };
        });
    }
    let flight = Flight::begin(pod);
    let mut board = |step, stage| {
        state.take(step, then, |next| {
            next.readers.0[r].phase = Phase::Flying(Flight { stage, ..flight });
            if can_load {
                next.pods[p].listed = Some(name);
            }
        });
    };
    let asks = may_ask(state, world, p);
    if world.is_fine || !asks {
        board(Step::Board(r), Stage::Approaching);
    }
    if !world.is_fine && asks {
        board(Step::BoardAndAsk(r), Stage::Asked(Asked::note(pod)));
    }
    if !world.is_fine && !asks && can_load {
        let version = state.source;
        board(Step::BoardAndLoad(r), Stage::Loaded { version });
    }
}

/// Whether the store is asked before the source.
fn may_ask(state: &State, world: &World, p: usize) -> bool {
    let is_current = state.pods[p].holds() || !world.rules.keep(Rule::PollBesideRead);
    is_current && state.can_read(p)
}

fn may_join(pod: &Pod, flight: &Flight) -> bool {
    let permit = Permit::to_join(pod.control.rules(), Moment::now().tick(), pod.holds());
    if !permit.covers(flight.begun.after_bound().tick()) {
        return false;
    }
    // Nobody knows the tag of what is being loaded but from what was kept.
    flight.tag_clock == pod.tagged.clock
        || (pod.tagged.is_trusted(flight.tag_clock)
            && (pod.kept.is_none() || pod.tagged.leaves(flight.tag_clock)))
}

/// Every step that a load may take next.
pub(super) fn fly(state: &State, world: &World, r: usize, flight: Flight, then: &mut Then<'_>) {
    let p = world.readers[r].pod;
    let pod = &state.pods[p];
    let to = |stage: Stage| Phase::Flying(Flight { stage, ..flight });
    match flight.stage {
        Stage::Approaching if may_ask(state, world, p) => {
            state.take(Step::Ask(r), then, |next| {
                next.readers.0[r].phase = to(Stage::Asked(Asked::note(pod)));
            });
        }
        // Whoever goes without the store has done so when the flight began.
        Stage::Approaching if !world.is_fine => {}
        Stage::Approaching => state.take(Step::GiveUp(r), then, |next| {
            next.readers.0[r].phase = to(Stage::Ready);
        }),
        Stage::Asked(asked) => {
            for s in state.readable(p) {
                state.take(Step::AskActs(r, s), then, |next| {
                    let server = next.greet(world, p, s);
                    let (at, tag_clock, found) = server.read();
                    next.readers.0[r].phase = to(Stage::Answered {
                        asked,
                        at,
                        tag_clock,
                        found,
                    });
                });
            }
            if !state.can_read(p) {
                state.take(Step::AskFails(r), then, |next| {
                    miss(next, world, r, flight);
                });
            }
        }
        Stage::Answered { .. } => state.take(Step::AskTold(r), then, |next| {
            take_in(next, world, r, flight);
        }),
        Stage::Ready if !world.readers[r].can_load => {
            state.take(Step::GiveUp(r), then, |next| next.leave(r));
        }
        Stage::Ready => state.take(Step::Load(r), then, |next| {
            let version = next.source;
            next.readers.0[r].phase = to(Stage::Loaded { version });
        }),
        Stage::Loaded { version } => offer(state, world, r, flight, version, then),
        Stage::Offered { version, asof } => {
            state.take(Step::Keep(r), then, |next| {
                if asof.is_none() {
                    next.pods[p].distrust();
                }
                keep(next, world, r, flight, version, asof);
            });
            if asof.is_some() && pod.is_cut {
                // The answer was lost on its way.
                state.take(Step::FillFails(r), then, |next| {
                    let asof = Some(flight.asof());
                    next.readers.0[r].phase = to(Stage::Offered { version, asof });
                });
            }
        }
    }
}

/// Takes in what the store had to say.
fn take_in(next: &mut State, world: &World, r: usize, mut flight: Flight) {
    let Stage::Answered {
        asked,
        at,
        tag_clock,
        found,
    } = flight.stage
    else {
        return;
    };
    let p = world.readers[r].pod;
    let question = Question {
        known: asked.known.asof(),
        touched: asked.touched.asof(),
    };
    let known_now = next.pods[p].control.known();
    match question.weigh(world.rules, at.map(At::asof), || known_now) {
        Worth::Fits(at) => {
            let at = At::from(at);
            flight.rest_on(at, tag_clock);
            let server = &next.servers[next.pods[p].server];
            let pod = &next.pods[p];
            let is_fresh = |found: &Stored| {
                found.epoch == at.epoch && pod.tagged.leaves_of_record(at.epoch, *found, server)
            };
            if let Some(found) = found.filter(is_fresh) {
                let kept = found.kept(at, asked.tag_clock);
                next.pods[p].keep_hit(kept, flight.is_detached);
                return next.land(world, r, found.version, asked.tag_clock);
            }
        }
        Worth::Noticed => {}
        Worth::Distrust => next.pods[p].distrust(),
    }
    miss(next, world, r, flight);
}

/// The store had nothing.
fn miss(next: &mut State, world: &World, r: usize, flight: Flight) {
    let stage = match world.is_fine {
        true => Stage::Ready,
        false if !world.readers[r].can_load => return next.leave(r),
        false => Stage::Loaded {
            version: next.source,
        },
    };
    next.readers.0[r].phase = Phase::Flying(Flight { stage, ..flight });
}

/// Offers a value to the store.
fn offer(state: &State, world: &World, r: usize, flight: Flight, version: u8, then: &mut Then<'_>) {
    let p = world.readers[r].pod;
    let pod = &state.pods[p];
    let offered = |asof| {
        Phase::Flying(Flight {
            stage: Stage::Offered { version, asof },
            ..flight
        })
    };
    let candidate = Candidate {
        age: Age {
            asof: flight.asof().asof(),
            tag_clock: flight.tag_clock.into(),
        },
        is_detached: flight.is_detached,
    };
    let asof = candidate.offered_as_of(world.rules, || pod.control.known());
    let (Some(asof), Some(shared_clock), true) = (asof, flight.shared_clock, state.can_write(p))
    else {
        // Stored nowhere, or not offered.
        return state.take(Step::KeepUnshared(r), then, |next| {
            let asof = asof.map(|_| flight.asof());
            keep(next, world, r, flight, version, asof);
        });
    };
    // Sent and applied in one step: nothing is noted here between the two.
    state.take(Step::Fill(r), then, |next| {
        let value = Stored {
            version,
            epoch: At::from(asof).epoch,
            tag_clock: shared_clock,
        };
        let (server, _) = next.server(world, p);
        let filled = server.fill(world, asof.into(), value);
        let is_odd = |at: At| at.epoch != pod.known().epoch;
        match filled {
            Err(at) if !is_odd(at) => keep(next, world, r, flight, version, None),
            filled => next.readers.0[r].phase = offered(filled.ok()),
        }
    });
}

/// Keeps what a factory brought, and gives it to all aboard.
fn keep(next: &mut State, world: &World, r: usize, flight: Flight, version: u8, asof: Option<At>) {
    let pod = &mut next.pods[world.readers[r].pod];
    if let Some(asof) = asof {
        let tag_clock = match world.rules.keep(Rule::TagClock) {
            true => flight.tag_clock,
            false => pod.tagged.clock,
        };
        let kept = Kept {
            version,
            asof,
            tag_clock,
            own_until: flight.begun.after_bound(),
        };
        pod.keep_load(kept, flight.is_detached, flight.tag_clock);
    }
    next.land(world, r, version, flight.tag_clock);
}
