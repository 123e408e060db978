//! The store of a small world: its control record, its log, the one record, and what operations do.

use super::number::At;
use super::world::{Flaw, World};

/// How many numbers an epoch has room for.
pub(super) const NUMBERS: usize = 4;

/// Which server it is, and which of the data sets it has had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) run: u8,
    pub(super) replication: u8,
}

/// What an entry of the log says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Logged {
    /// It is not there.
    #[default]
    Nothing,
    /// The key.
    Key,
    /// Another key.
    Other,
    /// The tag, at this time of the tag clock.
    Tag(u8),
}

/// The control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) at: At,
    /// The last invalidation of the key's stripe.
    pub(super) stripe: u8,
    pub(super) owner: Option<Identity>,
}

/// A value in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stored {
    pub(super) version: u8,
    pub(super) epoch: u8,
    pub(super) tag_clock: u8,
}

/// What a server holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Data {
    pub(super) control: Option<Record>,
    pub(super) log: [Logged; NUMBERS],
    pub(super) tag_clock: u8,
    pub(super) tag_removed: u8,
    pub(super) value: Option<Stored>,
}

/// A server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Server {
    pub(super) identity: Identity,
    pub(super) data: Data,
    /// Another one has taken over: it refuses writes.
    pub(super) is_deposed: bool,
}

/// The answer to a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PollAnswer {
    UpToDate,
    Replay { last: u8, log: [Logged; NUMBERS] },
    Break { at: At, tag_clock: u8 },
}

impl Server {
    /// What every new connection does first.
    pub(super) fn hello(&mut self, world: &World, epochs: &mut u8) {
        if self.data.control.is_some() && self.is_of_another(world) {
            self.begin_epoch(epochs, Some(self.identity));
        }
    }

    pub(super) fn read(&self) -> (Option<At>, u8, Option<Stored>) {
        match &self.data.control {
            Some(control) => (Some(control.at), self.data.tag_clock, self.data.value),
            None => (None, 0, None),
        }
    }

    /// The number at which the value was stored, or else the one at which it was refused.
    pub(super) fn fill(&mut self, world: &World, asof: At, value: Stored) -> Result<At, At> {
        let Some(control) = &self.data.control else {
            return Err(At::default());
        };
        let is_admitted = control.stripe <= asof.seq || world.has(Flaw::FillsAlways);
        if asof.epoch != control.at.epoch || !is_admitted {
            return Err(control.at);
        }
        self.data.value = Some(Stored {
            epoch: control.at.epoch,
            ..value
        });
        Ok(control.at)
    }

    /// Counts an invalidation, without dropping anything.
    pub(super) fn advance(&mut self, world: &World, epochs: &mut u8, what: Logged) -> (At, Logged) {
        if self.data.control.is_none() {
            let owner = (!world.has(Flaw::IdentityApart)).then_some(self.identity);
            self.begin_epoch(epochs, owner);
        }
        let what = match what {
            Logged::Tag(_) => {
                self.data.tag_clock += 1;
                self.data.tag_removed = self.data.tag_clock;
                Logged::Tag(self.data.tag_clock)
            }
            what => what,
        };
        let Some(control) = &mut self.data.control else {
            unreachable!("it was begun above");
        };
        control.at.seq += 1;
        if what == Logged::Key {
            control.stripe = control.at.seq;
        }
        let at = control.at;
        self.data.log[usize::from(at.seq) - 1] = what;
        (at, what)
    }

    /// The one rule, for a ticket.
    pub(super) fn admits(&self, since: At) -> bool {
        self.data
            .control
            .is_some_and(|control| since.epoch == control.at.epoch && control.stripe <= since.seq)
    }

    pub(super) fn poll(&mut self, world: &World, epochs: &mut u8, known: At) -> PollAnswer {
        if known != At::default() && world.has(Flaw::PollTellsNothing) {
            return PollAnswer::UpToDate;
        }
        let is_trusted = self.data.control.is_some_and(|control| {
            let has_lost = known.epoch == control.at.epoch && known.seq > control.at.seq;
            !has_lost && !self.is_of_another(world)
        });
        if !is_trusted {
            self.begin_epoch(epochs, Some(self.identity));
        }
        let Some(control) = &mut self.data.control else {
            unreachable!("it was begun above");
        };
        // Where the two are written apart, whoever comes first takes an epoch that is nobody's.
        control.owner.get_or_insert(self.identity);
        let at = control.at;
        if known.epoch == at.epoch && known.seq == at.seq {
            return PollAnswer::UpToDate;
        }
        let missed = usize::from(known.seq)..usize::from(at.seq);
        let is_whole = known.epoch == at.epoch
            && self.data.log[missed]
                .iter()
                .all(|logged| *logged != Logged::Nothing);
        if is_whole {
            return PollAnswer::Replay {
                last: at.seq,
                log: self.data.log,
            };
        }
        PollAnswer::Break {
            at,
            tag_clock: self.data.tag_clock,
        }
    }

    fn is_of_another(&self, world: &World) -> bool {
        let Some(owner) = self.data.control.and_then(|control| control.owner) else {
            return false;
        };
        match world.flaw {
            Some(Flaw::NoIdentity) => false,
            Some(Flaw::OnlyRunId) => owner.run != self.identity.run,
            _ => owner != self.identity,
        }
    }

    /// Begins an epoch from nothing; the record stays, and is of another one.
    fn begin_epoch(&mut self, epochs: &mut u8, owner: Option<Identity>) {
        *epochs += 1;
        self.data = Data {
            control: Some(Record {
                at: At {
                    epoch: *epochs,
                    seq: 0,
                },
                stripe: 0,
                owner,
            }),
            value: self.data.value,
            ..Data::default()
        };
    }
}
