//! What the store knows of one deployment: every rule of the contract, without a lock, a clock or a channel.

use std::time::Duration;

use crate::clock::Tick;
use crate::coherence::{Applied, Asof, Change, Epoch, Mode, Notice, Partition, Seq};
use crate::key::KeyName;
use crate::level::{
    Address, BreakReason, Claim, FillAnswer, Find, PollAnswer, PurgedAnswer, PutAnswer, ReadAnswer,
    Record,
};

use super::claims::Claims;
use super::control::ControlRecord;
use super::groups::Groups;
use super::log::Log;
use super::records::Records;

/// What an operation brings along, so that the ledger asks nobody for anything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// The time at the store.
    pub(super) now: Tick,
    /// Which server this is.
    pub(super) identity: u64,
    /// The epoch, should one begin.
    pub(super) nonce: Epoch,
    /// The bound on staleness, should there be none yet.
    pub(super) bound: Duration,
}

/// What the store knows of one deployment.
#[derive(Clone, Default)]
pub(super) struct Ledger {
    control: Option<ControlRecord>,
    log: Log,
    groups: Groups,
    pub(super) records: Records,
    claims: Claims,
}

impl Ledger {
    pub(super) fn read(&self, call: &Call, address: Address<'_>) -> ReadAnswer {
        let Some(control) = &self.control else {
            // What stands here belongs to no sequence, so nothing can be said of its freshness.
            return ReadAnswer {
                at: None,
                tag_clock: 0,
                found: Find::Nothing,
            };
        };
        let found = self.records.find(address.key, address.field, call.now);
        ReadAnswer {
            at: Some(control.at()),
            tag_clock: self.groups.clock(),
            found: found.map_or(Find::Nothing, Find::Record),
        }
    }

    pub(super) fn fill(
        &mut self,
        call: &Call,
        address: Address<'_>,
        record: &Record,
        asof: Asof,
        claim: Option<Claim>,
    ) -> FillAnswer {
        if let Some(claim) = claim {
            self.claims.release(address.key, address.field, claim);
        }
        let Some(control) = &self.control else {
            // No load began in an epoch that has yet to begin, so none is begun here.
            return FillAnswer::Refused(Asof::default());
        };
        let at = control.at();
        if !control.admits(asof, address.key) {
            return FillAnswer::Refused(at);
        }
        self.records
            .replace_field(address, record, at.epoch, call.now);
        FillAnswer::Stored(at)
    }

    pub(super) fn put(
        &mut self,
        call: &Call,
        address: Address<'_>,
        record: &Record,
        since: Option<Asof>,
    ) -> (PutAnswer, Notice) {
        let control = self.control(call);
        // Before the bump: the put's own number would refuse every ticket.
        let is_admitted = since.is_none_or(|asof| control.admits(asof, address.key));
        let change = Change::Keys {
            keys: vec![address.key.clone()],
            mode: Mode::Remove,
        };
        let (applied, notice) = self.invalidate(call, address.partition, change);
        if !is_admitted {
            return (PutAnswer::Invalidated(applied), notice);
        }
        self.records
            .replace_field(address, record, applied.at.epoch, call.now);
        (PutAnswer::Stored(applied), notice)
    }

    pub(super) fn invalidate(
        &mut self,
        call: &Call,
        partition: Partition,
        mut change: Change,
    ) -> (Applied, Notice) {
        let at = self.control(call).advance();
        match &mut change {
            Change::Keys { keys, mode } => {
                for key in keys.iter() {
                    self.control(call).touch(key, at.seq);
                    match mode {
                        Mode::Remove => self.records.remove(key),
                        Mode::Expire => self.records.expire(key),
                    }
                }
            }
            Change::Group { group, clock, mode } => *clock = self.groups.purge(group, *mode),
        }
        self.log.append(at.seq, change.clone());
        let applied = Applied {
            at,
            tag_clock: self.groups.clock(),
        };
        let notice = Notice {
            partition,
            at,
            change,
        };
        (applied, notice)
    }

    pub(super) fn purged(&self, groups: &[String]) -> PurgedAnswer {
        PurgedAnswer {
            epoch: self.control.as_ref().map(|control| control.at().epoch),
            times: groups
                .iter()
                .map(|group| self.groups.times(group))
                .collect(),
            floor: self.groups.floor(),
        }
    }

    pub(super) fn claim(
        &mut self,
        call: &Call,
        address: Address<'_>,
        claim: Claim,
        at_most: Duration,
    ) -> bool {
        let until = call.now.after(at_most);
        self.claims
            .take(address.key, address.field, claim, call.now, until)
    }

    pub(super) fn release(&mut self, key: &KeyName, field: &str, claim: Claim) {
        self.claims.release(key, field, claim);
    }

    pub(super) fn poll(&mut self, call: &Call, known: Asof) -> PollAnswer {
        let distrusted = self.distrust(call, known);
        let control = self.control(call);
        let (at, bound) = (control.at(), control.bound());
        let reason = if known == Asof::default() {
            BreakReason::Start
        } else if let Some(reason) = distrusted {
            reason
        } else if known.epoch != at.epoch {
            BreakReason::Epoch
        } else if known.seq == at.seq {
            return PollAnswer::UpToDate;
        } else if let Some((changes, more)) = self.log.page(known.seq, at.seq) {
            let numbered = |(seq, change)| (Asof { seq, ..at }, change);
            return PollAnswer::Replay {
                changes: changes.into_iter().map(numbered).collect(),
                more,
            };
        } else {
            BreakReason::Log
        };
        PollAnswer::Break {
            at,
            tag_clock: self.groups.clock(),
            bound,
            reason,
        }
    }

    /// Begins an epoch where the numbers here cannot be trusted, and says why.
    fn distrust(&mut self, call: &Call, known: Asof) -> Option<BreakReason> {
        let reason = match &self.control {
            None => BreakReason::Epoch,
            Some(control) if control.identity() != call.identity => BreakReason::Identity,
            // A tail was lost: its numbers would be given out twice.
            Some(control) if control.has_lost(known) => BreakReason::Behind,
            Some(_) => return None,
        };
        self.begin_epoch(call);
        Some(reason)
    }

    /// The control record; whole and new where there is none.
    fn control(&mut self, call: &Call) -> &mut ControlRecord {
        if self.control.is_none() {
            self.begin_epoch(call);
        }
        self.control
            .get_or_insert_with(|| ControlRecord::new(call.nonce, call.identity, call.bound))
    }

    /// Begins an epoch from nothing. Records stay, and are of another one; the bound is what was agreed.
    fn begin_epoch(&mut self, call: &Call) {
        let bound = self.control.as_ref().map_or(call.bound, |old| old.bound());
        self.control = Some(ControlRecord::new(call.nonce, call.identity, bound));
        self.log = Log::default();
        self.groups = Groups::default();
    }

    /// Forgets the control record alone, as a server does that may evict it.
    pub(super) fn evict_control(&mut self) {
        self.control = None;
    }

    /// Keeps only the newest entries of the log.
    pub(super) fn trim_log(&mut self, keep: usize) {
        self.log.trim(keep);
    }

    /// Makes a hole in the log.
    pub(super) fn lose_from_log(&mut self, seq: Seq) {
        self.log.lose(seq);
    }
}
