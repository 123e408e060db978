//! A process of a small world: what it knows and keeps, and how it takes in what it hears.

use crate::coherence::{Age, Asof, Candidate, Control, Heard, Permit, Rule, Rules};

use super::number::{At, Moment, TICK};
use super::poll::Poll;
use super::reader::Readers;
use super::server::{Logged, Stored};
use super::tagged::Tagged;

/// How many notices may be on their way to a process.
pub(super) const NOTICES: usize = 4;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pod {
    pub(super) control: Control,
    /// Until when hits may be given: what `control` said when it was last shown.
    pub(super) lease: Moment,
    /// The time when its driver last came by; counts only where hits are judged by it.
    pub(super) ticked: Moment,
    /// The last invalidation of the key's stripe.
    pub(super) touched: At,
    pub(super) kept: Option<Kept>,
    /// The reader whose flight may be joined.
    pub(super) listed: Option<u8>,
    pub(super) tagged: Tagged,
    pub(super) notices: [Option<Notice>; NOTICES],
    pub(super) poll: Poll,
    /// What its own invalidations have made sure of.
    pub(super) settled: u8,
    /// The server that it is connected to, and whether it has said hello there.
    pub(super) server: usize,
    pub(super) is_greeted: bool,
    pub(super) is_cut: bool,
}

/// A value in L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kept {
    pub(super) version: u8,
    pub(super) asof: At,
    pub(super) tag_clock: u8,
    pub(super) own_until: Moment,
}

impl Kept {
    fn age(&self) -> Age {
        Age {
            asof: self.asof.asof(),
            tag_clock: self.tag_clock.into(),
        }
    }
}

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Notice {
    pub(super) at: At,
    pub(super) what: NoticeOf,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum NoticeOf {
    Key,
    Other,
    Tag(u8),
}

impl Pod {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            control: Control::unknowing(rules),
            lease: Moment::NEVER,
            ticked: Moment::NEVER,
            touched: At::default(),
            kept: None,
            listed: None,
            tagged: Tagged::default(),
            notices: [None; NOTICES],
            poll: Poll::Idle,
            settled: 0,
            server: 0,
            is_greeted: true,
            is_cut: false,
        }
    }

    pub(super) fn known(&self) -> At {
        self.control.known().into()
    }

    pub(super) fn holds(&self) -> bool {
        Moment::now().tick() < self.lease.tick()
    }

    /// What a look into L1 begins with.
    pub(super) fn permit(&self) -> (Moment, bool) {
        let now = match self.control.rules().keep(Rule::ClockOnHit) {
            true => Moment::now(),
            false => self.ticked,
        };
        (now, now.tick() < self.lease.tick())
    }

    /// What a look with a permit finds fresh.
    pub(super) fn look(&self, now: Moment, is_leased: bool) -> Option<u8> {
        let permit = Permit::to_give(self.control.rules(), now.tick(), is_leased);
        let kept = self.fresh()?;
        permit.covers(kept.own_until.tick()).then_some(kept.version)
    }

    /// What is kept, unless the tags or a break say otherwise.
    pub(super) fn fresh(&self) -> Option<Kept> {
        self.kept.filter(|kept| self.tagged.leaves(kept.tag_clock))
    }

    /// Shows the lease to hits.
    pub(super) fn publish(&mut self) {
        self.lease = self.control.lease_until().into();
    }

    pub(super) fn distrust(&mut self) {
        self.control.doubt();
        self.publish();
    }

    /// Keeps what a factory brought, under the one rule.
    pub(super) fn keep_load(&mut self, kept: Kept, is_detached: bool, since: u8) {
        let candidate = Candidate {
            age: Age {
                asof: kept.asof.asof(),
                tag_clock: since.into(),
            },
            is_detached,
        };
        let there = self.kept.map(|kept| kept.age());
        if candidate.may_enter(&self.control, self.touched.asof(), there) {
            self.kept = Some(kept);
        }
    }

    /// Keeps what the store had, under the one rule.
    pub(super) fn keep_hit(&mut self, kept: Kept, is_detached: bool) {
        let candidate = Candidate {
            age: kept.age(),
            is_detached,
        };
        let there = self.kept.map(|kept| kept.age());
        if candidate.may_enter_as_hit(&self.control, self.touched.asof(), there) {
            self.kept = Some(kept);
        }
    }

    /// Keeps what was set here.
    pub(super) fn keep_put(&mut self, kept: Kept) {
        if self.control.admits(kept.asof.asof(), self.touched.asof()) {
            self.kept = Some(kept);
        }
    }

    /// Applies an invalidation to what is kept and loaded.
    pub(super) fn apply(&mut self, readers: &mut Readers, at: At, what: Logged) {
        match what {
            Logged::Key => {
                self.detach_older(readers, at);
                self.touched = self.control.touch(self.touched.asof(), at.asof()).into();
                if self
                    .kept
                    .is_some_and(|kept| !kept.asof.asof().is_after(at.asof()))
                {
                    self.kept = None;
                }
            }
            Logged::Tag(clock) => self.tagged.hear(clock),
            Logged::Other | Logged::Nothing => {}
        }
    }

    fn detach_older(&mut self, readers: &mut Readers, at: At) {
        let flight = self.listed.and_then(|reader| readers.flight(reader));
        if flight.is_some_and(|flight| !flight.asof().asof().is_after(at.asof())) {
            self.detach(readers);
        }
    }

    /// Lets nobody join the flight that is under way, and nothing of it be stored.
    pub(super) fn detach(&mut self, readers: &mut Readers) {
        if let Some(reader) = self.listed.take() {
            readers.detach(reader);
        }
    }

    /// Takes one of the notices that are on their way.
    pub(super) fn hear(&mut self, readers: &mut Readers, notice: Notice) {
        let at: Asof = notice.at.asof();
        if self.control.would_hear(at) == Heard::Apply {
            let what = match notice.what {
                NoticeOf::Key => Logged::Key,
                NoticeOf::Other => Logged::Other,
                NoticeOf::Tag(clock) => Logged::Tag(clock),
            };
            self.apply(readers, notice.at, what);
        }
        self.control.hear(at);
        self.publish();
    }

    /// Sends it a notice.
    pub(super) fn notify(&mut self, at: At, what: Logged) {
        let what = match what {
            Logged::Key => NoticeOf::Key,
            Logged::Other => NoticeOf::Other,
            Logged::Tag(clock) => NoticeOf::Tag(clock),
            Logged::Nothing => return,
        };
        let room = self.notices.iter_mut().find(|notice| notice.is_none());
        *room.expect("there are no more invalidations than notices") = Some(Notice { at, what });
        self.notices.sort_unstable();
    }

    /// Forgets notices that say nothing new, and never will.
    pub(super) fn forget_old_notices(&mut self) {
        for notice in &mut self.notices {
            let is_known =
                |notice: &Notice| self.control.would_hear(notice.at.asof()) == Heard::Known;
            if notice.as_ref().is_some_and(is_known) {
                *notice = None;
            }
        }
        self.notices.sort_unstable();
    }

    /// The same a tick later.
    pub(super) fn age(&mut self, is_clock_kept: bool) {
        self.control.seen_later(TICK, Moment::now().tick());
        self.lease = self.lease.until_later();
        if !is_clock_kept {
            self.ticked = self.ticked.begun_later();
        }
        if let Some(kept) = &mut self.kept {
            kept.own_until = kept.own_until.until_later();
        }
        self.poll.age();
    }
}

impl Stored {
    pub(super) fn kept(self, asof: At, tag_clock: u8) -> Kept {
        Kept {
            version: self.version,
            asof,
            tag_clock,
            own_until: Moment::NEVER,
        }
    }
}
