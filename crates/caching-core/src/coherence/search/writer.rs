//! A writer of a small world: it commits, then invalidates, and is told that it was applied.

use crate::coherence::Rule;

use super::number::{At, Moment};
use super::pod::{Kept, Pod};
use super::server::{Logged, Stored};
use super::state::{State, Then};
use super::step::Step;
use super::world::{Flaw, What, World};

/// How many writers there may be.
pub(super) const WRITERS: usize = 4;

/// How far a writer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Writer {
    #[default]
    Idle,
    /// It noted what was known before its commit.
    Ticketed { since: At },
    /// Its commit is acknowledged.
    Committed { since: At, version: u8 },
    /// It has dropped here what was kept, and told the store.
    Sent { since: At, write: Write },
    /// The store has told others, and not dropped the record yet: only where that is left out.
    Announced { at: At, write: Write },
    /// The store has applied it.
    Acted { done: Done },
    /// It was applied here once more.
    Told { done: Done, is_in_effect: bool },
    /// What was set has yet to be kept.
    Owned { done: Done },
    /// It has returned.
    Returned,
}

/// What a writer makes sure of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Write {
    /// Its own version.
    version: u8,
    /// The version that nothing given later may be older than.
    least: u8,
    /// The tag clock of its process when it was sent.
    tag_clock: u8,
}

/// A write that the store has applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Done {
    at: At,
    what: Logged,
    /// Whether what was set is stored there.
    is_stored: bool,
    write: Write,
}

/// Every step that a writer may take next.
pub(super) fn steps(state: &State, world: &World, w: usize, then: &mut Then<'_>) {
    let writes = world.writers[w];
    let p = writes.pod;
    let to = |next: &mut State, writer: Writer| next.writers[w] = writer;
    match state.writers[w] {
        Writer::Idle => match writes.what {
            What::Set => state.take(Step::Ticket(w), then, |next| {
                let since = next.pods[p].known();
                to(next, Writer::Ticketed { since });
            }),
            What::Other => state.take(Step::Drop(w), then, |next| {
                let (since, write) = (At::default(), Write::default());
                to(next, Writer::Sent { since, write });
            }),
            What::Remove | What::Purge => commit(state, w, At::default(), then),
        },
        Writer::Ticketed { since } => commit(state, w, since, then),
        Writer::Committed { since, version } => state.take(Step::Drop(w), then, |next| {
            let write = drop_here(next, p, writes.what, version);
            to(next, Writer::Sent { since, write });
        }),
        Writer::Sent { since, write } if state.can_write(p) => {
            state.take(Step::Acts(w), then, |next| {
                let writer = act(next, world, w, since, write);
                to(next, writer);
            });
        }
        // It is queued, and has not returned.
        Writer::Sent { .. } => {}
        Writer::Announced { at, write } => state.take(Step::DropsRecord(w), then, |next| {
            let (server, _) = next.server(world, p);
            server.data.value = None;
            let done = Done {
                at,
                what: Logged::Key,
                is_stored: false,
                write,
            };
            to(next, Writer::Acted { done });
        }),
        Writer::Acted { done } => state.take(Step::Told(w), then, |next| {
            let is_in_effect = told(next, world, p, done);
            match world.is_torn {
                true => to(next, Writer::Told { done, is_in_effect }),
                false => own(next, w, p, done, is_in_effect),
            }
        }),
        Writer::Told { done, is_in_effect } => state.take(Step::Owned(w), then, |next| {
            own(next, w, p, done, is_in_effect);
        }),
        Writer::Owned { done } => state.take(Step::KeepSet(w), then, |next| {
            next.pods[p].keep_put(Kept {
                version: done.write.version,
                asof: done.at,
                tag_clock: done.write.tag_clock,
                own_until: Moment::NEVER,
            });
            returned(next, w, p, done);
        }),
        Writer::Returned => {}
    }
}

fn commit(state: &State, w: usize, since: At, then: &mut Then<'_>) {
    state.take(Step::Commit(w), then, |next| {
        next.source += 1;
        let version = next.source;
        next.writers[w] = Writer::Committed { since, version };
    });
}

fn drop_here(next: &mut State, p: usize, what: What, version: u8) -> Write {
    let pod = &mut next.pods[p];
    let tag_clock = pod.tagged.clock;
    if what == What::Purge {
        pod.tagged.purge_pending();
    } else {
        pod.detach(&mut next.readers);
        pod.kept = None;
    }
    Write {
        version,
        // What is set may be older than what somebody else has committed, and has yet to set.
        least: match what {
            What::Set => version,
            _ => next.source,
        },
        tag_clock,
    }
}

/// What the store does about a write.
fn act(next: &mut State, world: &World, w: usize, since: At, write: Write) -> Writer {
    let (p, what) = (world.writers[w].pod, world.writers[w].what);
    let shared_clock = next.pods[p].tagged.shared_clock(next.pods[p].known().epoch);
    let (server, epochs) = next.server(world, p);
    let is_stored = what == What::Set
        && shared_clock.is_some()
        && (server.admits(since) || !world.rules.keep(Rule::Ticket));
    let logged = match what {
        What::Remove | What::Set => Logged::Key,
        What::Purge => Logged::Tag(0),
        What::Other => Logged::Other,
    };
    let (at, logged) = server.advance(world, epochs, logged);
    let is_late = logged == Logged::Key && world.has(Flaw::NoticeBeforeL2);
    if logged == Logged::Key && !is_late {
        server.data.value = is_stored.then_some(Stored {
            version: write.version,
            epoch: at.epoch,
            tag_clock: shared_clock.unwrap_or_default(),
        });
    }
    let s = next.pods[p].server;
    let hears = |pod: &&mut Pod| pod.server == s && !pod.is_cut && !world.is_deaf;
    for pod in next.pods.iter_mut().filter(hears) {
        pod.notify(at, logged);
    }
    if is_late {
        return Writer::Announced { at, write };
    }
    Writer::Acted {
        done: Done {
            at,
            what: logged,
            is_stored,
            write,
        },
    }
}

/// The answer of the store is applied here; whether it took effect.
fn told(next: &mut State, world: &World, p: usize, done: Done) -> bool {
    let pod = &mut next.pods[p];
    match done.what {
        Logged::Key if world.rules.keep(Rule::DropAgain) => {
            pod.apply(&mut next.readers, done.at, Logged::Key);
            true
        }
        Logged::Tag(clock) => pod.tagged.settle(done.at, clock),
        _ => true,
    }
}

/// Its number counts as applied, if it took effect.
fn own(next: &mut State, w: usize, p: usize, done: Done, is_in_effect: bool) {
    let pod = &mut next.pods[p];
    if !is_in_effect {
        pod.distrust();
    } else if !pod.control.own(done.at.asof()) {
        pod.publish();
    }
    match done.is_stored {
        true => next.writers[w] = Writer::Owned { done },
        false => returned(next, w, p, done),
    }
}

fn returned(next: &mut State, w: usize, p: usize, done: Done) {
    next.writers[w] = Writer::Returned;
    next.applied(p, done.write.least);
}
