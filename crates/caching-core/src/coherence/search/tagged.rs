//! What a process of a small world knows of its one tag, and of breaks.

use crate::coherence::purged::Purged;
use crate::coherence::{Mode, Validity};

use super::number::At;
use super::server::{Server, Stored};

/// The tag clock of a process, as `Purges` keeps it for many groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Tagged {
    purged: Purged,
    pub(super) clock: u8,
    suspect: u8,
    shared: Shared,
}

/// What is known of the store's tag clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Shared {
    epoch: u8,
    clock: u8,
    complete_from: u8,
}

impl Tagged {
    /// The store's clock in an epoch, as far as it is known.
    pub(super) fn shared_clock(&self, epoch: u8) -> Option<u8> {
        (self.shared.epoch == epoch).then_some(self.shared.clock)
    }

    pub(super) fn purge_pending(&mut self) {
        self.clock += 1;
        self.purged.purge(Mode::Remove, self.clock.into());
        self.purged.pend();
    }

    pub(super) fn settle(&mut self, at: At, shared_clock: u8) -> bool {
        self.clock += 1;
        self.purged.unpend();
        if self.shared.epoch != at.epoch {
            return false;
        }
        self.purged.purge_shared(Mode::Remove, shared_clock.into());
        if self.shared.clock + 1 == shared_clock {
            self.shared.clock = shared_clock;
        }
        true
    }

    pub(super) fn hear(&mut self, shared_clock: u8) {
        self.clock += 1;
        self.purged
            .hear(Mode::Remove, self.clock.into(), shared_clock.into());
        self.shared.clock = self.shared.clock.max(shared_clock);
    }

    pub(super) fn begin_again(&mut self, epoch: u8, shared_clock: u8, is_suspect: bool) {
        self.shared = Shared {
            epoch,
            clock: shared_clock,
            complete_from: shared_clock,
        };
        self.purged.forget_shared(u64::MAX);
        self.clock += 1;
        if is_suspect {
            self.suspect = self.clock;
        }
    }

    /// Whether a load that began at this time of the process' clock may be given as fresh, as far as
    /// one can tell without its tags.
    pub(super) fn is_trusted(&self, since: u8) -> bool {
        since >= self.suspect
    }

    /// Whether a load that began at this time of the process' clock may be given as fresh.
    pub(super) fn leaves(&self, since: u8) -> bool {
        self.is_trusted(since) && self.purged.leaves(since.into()) == Validity::Valid
    }

    /// Whether a record of this epoch may be given as fresh; where that is not known here, the store
    /// is asked.
    pub(super) fn leaves_of_record(&self, epoch: u8, stored: Stored, store: &Server) -> bool {
        if self.shared.epoch != epoch {
            return false;
        }
        if self.purged.leaves_of_record(stored.tag_clock.into()) != Validity::Valid {
            return false;
        }
        stored.tag_clock >= self.shared.complete_from || store.data.tag_removed <= stored.tag_clock
    }
}
