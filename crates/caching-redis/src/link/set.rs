//! Which connections are open, and which of them count.

use std::time::{Duration, Instant};

use caching_core::Epoch;
use tokio::task::JoinHandle;

use super::connect::Connection;

/// The connections of a link.
#[derive(Debug)]
pub(super) struct Set {
    /// Connections of an older one count no more.
    pub(super) generation: u64,
    /// The first generation since a server said that it may not answer.
    demoted_at: u64,
    /// What the server said last.
    epoch: Option<Epoch>,
    slots: Vec<Option<Open>>,
    /// The task that fills the slots.
    keeper: Option<JoinHandle<()>>,
    pub(super) is_closed: bool,
    /// When the keeper was seen last, or a connection began to be missing after that.
    seen: Instant,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// How many answers there had been when somebody waited in vain: none since then, and it is replaced as
    /// soon as another one is open. Until then it is used, since a server that stood still answers on it first.
    doubted_at: Option<u64>,
}

impl Open {
    fn is_doubtful(&self) -> bool {
        self.doubted_at == Some(self.connection.answers())
    }
}

impl Set {
    pub(super) fn new(size: usize) -> Self {
        Self {
            generation: 0,
            demoted_at: 0,
            epoch: None,
            slots: (0..size).map(|_| None).collect(),
            keeper: None,
            is_closed: false,
            seen: Instant::now(),
        }
    }

    /// One of the connections, in turn.
    pub(super) fn pick(&self, turn: u64) -> Option<Connection> {
        let size = self.slots.len();
        // The remainder is below the number of slots.
        let first = (turn % size.max(1) as u64) as usize;
        let in_turn = || (0..size).filter_map(|step| self.slots[(first + step) % size].as_ref());
        in_turn()
            .find(|open| !open.is_doubtful())
            .or_else(|| in_turn().next())
            .map(|open| open.connection.clone())
    }

    /// Whether an answer in this epoch counts that came over a connection of this generation.
    pub(super) fn counts(&self, generation: u64, epoch: Option<Epoch>) -> bool {
        let is_of_the_new_epoch =
            generation >= self.demoted_at && epoch.is_some() && epoch == self.epoch;
        generation == self.generation || is_of_the_new_epoch
    }

    /// Whether a task fills the slots. One that has not been seen for so long, although something is
    /// missing, is on a runtime that nobody drives.
    pub(super) fn is_kept(&self, at_most: Duration) -> bool {
        let is_there = self.keeper.as_ref().is_some_and(|task| !task.is_finished());
        is_there && !(self.has_vacancy() && self.seen.elapsed() > at_most)
    }

    /// Gives the slots to another task. Where there was one that stands still, so do its connections: whether
    /// that was so.
    pub(super) fn keep(&mut self, keeper: JoinHandle<()>) -> bool {
        self.seen = Instant::now();
        let before = self.keeper.replace(keeper);
        let Some(before) = before.filter(|task| !task.is_finished()) else {
            return false;
        };
        before.abort();
        self.distrust_all();
        true
    }

    /// The keeper is at work.
    pub(super) fn is_seen(&mut self) {
        self.seen = Instant::now();
    }

    /// From now on something is missing, if nothing was before.
    fn misses_one(&mut self) {
        if !self.has_vacancy() {
            self.seen = Instant::now();
        }
    }

    /// Whether a connection is missing, or should be replaced.
    pub(super) fn has_vacancy(&self) -> bool {
        self.vacancy().is_some() && !self.is_closed
    }

    fn vacancy(&self) -> Option<usize> {
        self.slots
            .iter()
            .position(|slot| slot.as_ref().is_none_or(Open::is_doubtful))
    }

    /// Whether there is no connection at all.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(Option::is_none)
    }

    /// Takes the news of a server that was asked in this generation: the generation that a connection to it
    /// is of, or none where it has to ask again. Another epoch than before ends all others.
    pub(super) fn admit(&mut self, asked_in: u64, epoch: Option<Epoch>) -> Option<u64> {
        if asked_in != self.generation || self.is_closed {
            return None;
        }
        match epoch {
            Some(epoch) if self.sees_another(epoch) => self.distrust_all(),
            Some(_) => {}
            // Whichever epoch begins there, no connection of before is left that it could be another one for.
            None if self.is_empty() => self.epoch = None,
            None => {}
        }
        Some(self.generation)
    }

    /// Puts a connection in its place.
    pub(super) fn install(&mut self, connection: Connection) {
        if let Some(slot) = self.vacancy() {
            self.slots[slot] = Some(Open {
                connection,
                doubted_at: None,
            });
        }
    }

    /// Notes the epoch, and says whether it was another one before.
    pub(super) fn sees_another(&mut self, epoch: Epoch) -> bool {
        self.epoch
            .replace(epoch)
            .is_some_and(|before| before != epoch)
    }

    /// Drops every connection, since what they lead to may not answer any more.
    pub(super) fn demote(&mut self) {
        self.distrust_all();
        self.demoted_at = self.generation;
    }

    /// Drops every connection.
    pub(super) fn distrust_all(&mut self) {
        self.misses_one();
        self.generation += 1;
        self.slots.fill_with(|| None);
    }

    /// Drops a connection, and says whether it was there.
    pub(super) fn lose(&mut self, id: u64) -> bool {
        self.misses_one();
        let is_it =
            |slot: &&mut Option<Open>| slot.as_ref().is_some_and(|open| open.connection.id() == id);
        self.slots
            .iter_mut()
            .find(is_it)
            .and_then(Option::take)
            .is_some()
    }

    /// Somebody waited in vain for an answer, since there had been so many.
    pub(super) fn doubt(&mut self, id: u64, answers: u64) -> bool {
        self.misses_one();
        let mut open = self.slots.iter_mut().flatten();
        let Some(open) = open.find(|open| open.connection.id() == id) else {
            return false;
        };
        open.doubted_at = Some(answers);
        open.is_doubtful()
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
        self.distrust_all();
        self.end_keeper();
    }

    fn end_keeper(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.abort();
        }
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        self.end_keeper();
    }
}
