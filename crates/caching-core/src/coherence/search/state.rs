//! A state of a small world, and everything that may happen in it next.

use crate::coherence::{Polled, Rule, Told};

use super::fault;
use super::number::{At, BOUND, Moment, bound};
use super::pod::Pod;
use super::poll::{self, Poll};
use super::reader::{self, Phase, READERS, Reader, Readers};
use super::server::{Data, Logged, Server, Stored};
use super::step::Step;
use super::world::{Faults, World};
use super::writer::{self, WRITERS, Writer};

/// Takes a step, and the state that it leads to.
pub(super) type Then<'a> = dyn FnMut(Step, State) + 'a;

/// The number of the last version, and one more.
const VERSIONS: usize = 5;

/// Everything that there is in a small world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The version of the value at its source.
    pub(super) source: u8,
    pub(super) servers: [Server; 2],
    /// A snapshot, or what a replica has.
    pub(super) saved: Option<Data>,
    pub(super) pods: [Pod; 2],
    pub(super) readers: Readers,
    pub(super) writers: [Writer; WRITERS],
    /// What may still go wrong.
    pub(super) faults: Faults,
    pub(super) epochs: u8,
    pub(super) identities: u8,
    /// The version that no process may give less than to reads that begin now.
    pub(super) settled: u8,
    /// For each version, one more than the ticks since an invalidation had made sure of it.
    since: [u8; VERSIONS],
    pub(super) broken: Option<Broken>,
}

/// The promise was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Broken {
    pub(super) reader: usize,
    pub(super) given: u8,
    pub(super) least: u8,
}

impl State {
    pub(super) fn first(world: &World) -> Self {
        let pod = || Pod::new(world.rules);
        let mut first = Self {
            source: 0,
            servers: [Server::default(); 2],
            saved: None,
            pods: [pod(), pod()],
            readers: Readers::default(),
            writers: [Writer::Idle; WRITERS],
            faults: world.faults,
            epochs: 0,
            identities: 0,
            settled: 0,
            since: [0; VERSIONS],
            broken: None,
        };
        match world.is_cold {
            true => {
                let (server, epochs) = first.server(world, 1);
                let (at, _) = server.advance(world, epochs, Logged::Other);
                server.data.value = world.is_filled.then_some(Stored {
                    version: 0,
                    epoch: at.epoch,
                    tag_clock: 0,
                });
            }
            false => first.meet(world),
        }
        first.saved = world.is_saved.then_some(first.servers[0].data);
        first
    }

    /// Both processes have polled once, long ago.
    fn meet(&mut self, world: &World) {
        for p in 0..self.pods.len() {
            let (server, epochs) = self.server(world, p);
            let _ = server.poll(world, epochs, At::default());
            let at = At { epoch: 1, seq: 0 };
            let pod = &mut self.pods[p];
            let known = pod.control.known();
            let told = Told::Break { at: at.asof() };
            let polled = pod.control.told(known, Moment::NEVER.tick(), bound(), told);
            if polled == Polled::Break {
                pod.tagged.begin_again(at.epoch, 0, true);
            }
            pod.control.lapse();
        }
    }

    /// Passes on the state that a step leads to.
    pub(super) fn take(&self, step: Step, then: &mut Then<'_>, change: impl FnOnce(&mut Self)) {
        let mut next = self.clone();
        change(&mut next);
        for pod in &mut next.pods {
            pod.forget_old_notices();
        }
        then(step, next);
    }

    /// Every step that may be taken next.
    pub(super) fn each(&self, world: &World, then: &mut Then<'_>) {
        for w in 0..world.writers.len() {
            writer::steps(self, world, w, then);
        }
        for r in 0..world.readers.len() {
            reader::steps(self, world, r, then);
        }
        for p in 0..self.pods.len() {
            self.hear(p, then);
            if world.readers.iter().any(|reads| reads.pod == p) {
                poll::steps(self, world, p, then);
            }
            if !world.rules.keep(Rule::ClockOnHit) {
                self.take(Step::DriverComesBy(p), then, |next| {
                    next.pods[p].ticked = Moment::now();
                });
            }
        }
        fault::steps(self, world, then);
        self.take(Step::Tick, then, |next| next.age(world));
    }

    fn hear(&self, p: usize, then: &mut Then<'_>) {
        let pod = &self.pods[p];
        // The driver does one thing after the other.
        let is_busy = matches!(pod.poll, Poll::Applied { .. } | Poll::Counted(_));
        for (n, notice) in pod.notices.iter().enumerate() {
            if let (Some(notice), false) = (*notice, pod.is_cut || is_busy) {
                self.take(Step::Hear(p, n), then, |next| {
                    next.pods[p].notices[n] = None;
                    next.pods[p].hear(&mut next.readers, notice);
                });
            }
        }
    }

    fn age(&mut self, world: &World) {
        let is_clock_kept = world.rules.keep(Rule::ClockOnHit);
        for pod in &mut self.pods {
            pod.age(is_clock_kept);
        }
        self.readers.age();
        for version in 1..VERSIONS {
            let since = &mut self.since[version];
            if *since > 0 {
                *since += 1;
            }
            if *since > BOUND {
                self.settled = self.settled.max(u8::try_from(version).unwrap_or(u8::MAX));
            }
        }
        self.forget_settled();
    }

    /// An invalidation has returned: nothing given from now on here, and after the bound elsewhere, may
    /// be older than this version.
    pub(super) fn applied(&mut self, p: usize, version: u8) {
        self.pods[p].settled = self.pods[p].settled.max(version);
        let since = &mut self.since[usize::from(version)];
        *since = (*since).max(1);
        self.forget_settled();
    }

    /// What was made sure of counts from now on.
    pub(super) fn count_from_now(&mut self) {
        // What is pending is settled on the process that made sure of it.
        let last = self.pods.iter().map(|pod| pod.settled).max().unwrap_or(0);
        for pod in &mut self.pods {
            pod.settled = 0;
        }
        for reader in &mut self.readers.0 {
            reader.least = 0;
        }
        self.settled = 0;
        self.since = [0; VERSIONS];
        self.since[usize::from(last)] = u8::from(last > 0);
    }

    fn forget_settled(&mut self) {
        for since in &mut self.since[..=usize::from(self.settled)] {
            *since = 0;
        }
    }

    /// A reader is given a version as fresh.
    pub(super) fn give(&mut self, reader: usize, given: u8) {
        let least = self.readers.0[reader].least;
        if given < least {
            self.broken = Some(Broken {
                reader,
                given,
                least,
            });
        }
        self.leave(reader);
    }

    /// A reader is gone.
    pub(super) fn leave(&mut self, reader: usize) {
        let reader = &mut self.readers.0[reader];
        *reader = Reader {
            is_last: reader.is_last,
            ..Reader::default()
        };
    }

    /// A flight lands: its pilot is given the version, and so is who has joined it.
    pub(super) fn land(&mut self, world: &World, r: usize, version: u8, tag_clock: u8) {
        let pod = &mut self.pods[world.readers[r].pod];
        if pod.listed.is_some_and(|listed| usize::from(listed) == r) {
            pod.listed = None;
        }
        let is_left = pod.tagged.leaves(tag_clock);
        self.give(r, version);
        for joined in 0..READERS {
            let Phase::Joined { pilot, arrived } = self.readers.0[joined].phase else {
                continue;
            };
            if usize::from(pilot) != r {
                continue;
            }
            // What was purged since the flight began hides it from who came later.
            match tag_clock >= arrived || is_left {
                true => self.give(joined, version),
                false => self.readers.0[joined].phase = Phase::Missed,
            }
        }
    }

    /// The server that a process is connected to, for a request on any of its connections.
    pub(super) fn server(&mut self, world: &World, p: usize) -> (&mut Server, &mut u8) {
        let s = self.pods[p].server;
        let server = &mut self.servers[s];
        if !std::mem::replace(&mut self.pods[p].is_greeted, true) {
            server.hello(world, &mut self.epochs);
        }
        (server, &mut self.epochs)
    }

    /// The same for a read, which an old connection may take to a server that was deposed.
    pub(super) fn greet(&mut self, world: &World, p: usize, s: usize) -> &Server {
        if self.pods[p].server == s {
            self.server(world, p);
        }
        &self.servers[s]
    }

    pub(super) fn can_write(&self, p: usize) -> bool {
        let pod = &self.pods[p];
        !pod.is_cut && !self.servers[pod.server].is_deposed
    }

    /// The servers that answer a read of a process.
    pub(super) fn readable(&self, p: usize) -> impl Iterator<Item = usize> {
        let pod = &self.pods[p];
        let (server, is_cut) = (pod.server, pod.is_cut);
        let old = (server == 1).then_some(0);
        std::iter::once(server).chain(old).filter(move |_| !is_cut)
    }

    pub(super) fn can_read(&self, p: usize) -> bool {
        !self.pods[p].is_cut
    }
}
