//! A poll of a small world: sent, answered, taken in, applied.

use crate::coherence::{Asof, Polled, Rule, Seq, Told};

use super::number::{At, Moment, bound};
use super::pod::Pod;
use super::reader::Readers;
use super::server::{Logged, NUMBERS, PollAnswer};
use super::state::{State, Then};
use super::step::Step;
use super::world::World;

/// How far the poll of a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Poll {
    Idle,
    Sent {
        known: At,
        at: Moment,
    },
    Answered {
        known: At,
        at: Moment,
        answer: PollAnswer,
    },
    /// What it told has been applied, and does not count as applied yet.
    Applied {
        known: At,
        at: Moment,
        answer: PollAnswer,
    },
    /// Its answer counts, and has yet to take effect.
    Counted(Counted),
}

/// What is left to do about an answer that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    Nothing,
    Break { at: At, tag_clock: u8 },
}

impl Poll {
    pub(super) fn age(&mut self) {
        if let Self::Sent { at, .. } | Self::Answered { at, .. } | Self::Applied { at, .. } = self {
            *at = at.begun_later();
        }
        // An answer that renews nothing any more, and says nothing either.
        if let Self::Answered {
            at,
            answer: PollAnswer::UpToDate,
            ..
        } = self
            && at.is_old()
        {
            *self = Self::Idle;
        }
    }
}

/// Every step that the poll of a process may take next.
pub(super) fn steps(state: &State, world: &World, p: usize, then: &mut Then<'_>) {
    match state.pods[p].poll {
        Poll::Idle if !world.is_fine && !state.can_write(p) => {}
        Poll::Idle => state.take(Step::Poll(p), then, |next| {
            let known = next.pods[p].control.ask().into();
            let at = Moment::now();
            match world.is_fine {
                true => next.pods[p].poll = Poll::Sent { known, at },
                false => answer(next, world, p, known, at),
            }
        }),
        Poll::Sent { known, at } => {
            if state.can_write(p) {
                state.take(Step::PollActs(p), then, |next| {
                    answer(next, world, p, known, at);
                });
            }
            if at.is_old() || !state.can_write(p) {
                state.take(Step::PollFails(p), then, |next| {
                    next.pods[p].poll = Poll::Idle;
                });
            }
        }
        Poll::Answered {
            known,
            at,
            answer: answer @ PollAnswer::Replay { last, log },
        } => state.take(Step::PollApplies(p), then, |next| {
            replay(&mut next.pods[p], &mut next.readers, known, last, log);
            match world.is_fine {
                true => next.pods[p].poll = Poll::Applied { known, at, answer },
                false => take_in(next, world, p, known, at, answer),
            }
        }),
        Poll::Answered { known, at, answer } | Poll::Applied { known, at, answer } => {
            state.take(Step::PollTold(p), then, |next| {
                take_in(next, world, p, known, at, answer);
            });
        }
        Poll::Counted(what) => state.take(Step::PollApplied(p), then, |next| {
            take_effect(&mut next.pods[p], &mut next.readers, what);
        }),
    }
}

fn answer(next: &mut State, world: &World, p: usize, known: At, at: Moment) {
    let (server, epochs) = next.server(world, p);
    let answer = server.poll(world, epochs, known);
    next.pods[p].poll = Poll::Answered { known, at, answer };
}

fn replay(pod: &mut Pod, readers: &mut Readers, known: At, last: u8, log: [Logged; NUMBERS]) {
    let applied = pod.known();
    if applied.epoch != known.epoch {
        return;
    }
    for seq in applied.seq + 1..=last {
        let at = At { seq, ..applied };
        pod.apply(readers, at, log[usize::from(seq) - 1]);
    }
}

fn take_in(
    next: &mut State,
    world: &World,
    p: usize,
    known: At,
    sent_at: Moment,
    answer: PollAnswer,
) {
    let pod = &mut next.pods[p];
    let told = match answer {
        PollAnswer::UpToDate => Told::UpToDate,
        PollAnswer::Replay { last, .. } => Told::Replay {
            last: Seq::new(last.into()),
            more: false,
        },
        PollAnswer::Break { at, .. } => Told::Break { at: at.asof() },
    };
    let known: Asof = known.asof();
    let polled = pod.control.told(known, sent_at.tick(), bound(), told);
    pod.poll = match (polled, answer) {
        (Polled::Outdated, _) => Poll::Idle,
        (Polled::Break, PollAnswer::Break { at, tag_clock }) => {
            Poll::Counted(Counted::Break { at, tag_clock })
        }
        _ => Poll::Counted(Counted::Nothing),
    };
    if let (Poll::Counted(what), false) = (pod.poll, world.is_torn) {
        take_effect(pod, &mut next.readers, what);
    }
}

fn take_effect(pod: &mut Pod, readers: &mut Readers, what: Counted) {
    match what {
        Counted::Nothing => {}
        Counted::Break { at, tag_clock } => {
            let is_suspect = pod.control.rules().keep(Rule::Floor);
            pod.tagged.begin_again(at.epoch, tag_clock, is_suspect);
            pod.detach(readers);
        }
    }
    pod.publish();
    pod.poll = Poll::Idle;
}
