//! What there is in a world, what may go wrong in it, and what was left out of it.

use crate::coherence::{Rule, Rules};

/// A small world.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) name: &'static str,
    pub(super) readers: Vec<Reads>,
    pub(super) writers: Vec<Writes>,
    pub(super) faults: Faults,
    /// Whether no process has polled yet, and the epoch was begun by an invalidation of another key.
    pub(super) is_cold: bool,
    /// Whether the store had a record of the key by then.
    pub(super) is_filled: bool,
    /// Whether the data set was saved at the beginning.
    pub(super) is_saved: bool,
    /// Whether notices are all lost, so that only polls tell of anything.
    pub(super) is_deaf: bool,
    /// Whether the bound counts from a demotion on: numbers that are given out twice are noticed by the
    /// next poll, and until then may be taken for one another.
    pub(super) is_forgiven: bool,
    /// Whether steps that only narrow each other's effects are taken one by one.
    pub(super) is_fine: bool,
    /// Whether an answer counts before it takes effect, or takes effect before it counts, with other steps
    /// in between.
    pub(super) is_torn: bool,
    pub(super) rules: Rules,
    pub(super) flaw: Option<Flaw>,
}

/// A reader: again and again, unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reads {
    pub(super) pod: usize,
    /// Whether it brings a factory.
    pub(super) can_load: bool,
    /// Whether it reads only once.
    pub(super) is_once: bool,
}

/// A writer, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Writes {
    pub(super) pod: usize,
    pub(super) what: What,
}

/// What a writer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It commits, then removes the key.
    Remove,
    /// It commits, then removes by the tag.
    Purge,
    /// It takes a ticket, commits, then sets the value since the ticket.
    Set,
    /// It removes another key, of another stripe.
    Other,
}

/// How often each fault may happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// The data set is noted: a snapshot, or a replica that lags from now on.
    pub(super) save: u8,
    /// The store is emptied.
    pub(super) flush: u8,
    /// The control record is evicted, and nothing else.
    pub(super) evict: u8,
    /// The log is emptied.
    pub(super) trim: u8,
    /// The server is restarted with what was saved, or empty.
    pub(super) restart: u8,
    /// The server becomes a replica of one with what was saved, and then the primary again, and no
    /// connection notices.
    pub(super) demote: u8,
    /// Another server with what was saved takes over; the old one answers reads only.
    pub(super) failover: u8,
    /// The links of the first process are cut, and may heal.
    pub(super) cut: u8,
}

/// What the store leaves undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A poll never tells of invalidations.
    PollTellsNothing,
    /// A poll that finds the same epoch never compares the server.
    NoIdentity,
    /// It compares the process of the server, and not its data set.
    OnlyRunId,
    /// An epoch that an invalidation begins belongs to no server; the next poll claims it.
    IdentityApart,
    /// An invalidation sends its notice before it drops the record.
    NoticeBeforeL2,
    /// A fill is stored whatever was invalidated.
    FillsAlways,
}

pub(super) const fn loader(pod: usize) -> Reads {
    Reads {
        pod,
        can_load: true,
        is_once: false,
    }
}

pub(super) const fn writer(pod: usize, what: What) -> Writes {
    Writes { pod, what }
}

pub(super) const NO_FAULTS: Faults = Faults {
    save: 0,
    flush: 0,
    evict: 0,
    trim: 0,
    restart: 0,
    demote: 0,
    failover: 0,
    cut: 0,
};

impl World {
    pub(super) fn new(
        name: &'static str,
        readers: impl Into<Vec<Reads>>,
        writers: impl Into<Vec<Writes>>,
        faults: Faults,
    ) -> Self {
        Self {
            name,
            readers: readers.into(),
            writers: writers.into(),
            faults,
            is_cold: false,
            is_filled: false,
            is_saved: false,
            is_deaf: false,
            is_forgiven: false,
            is_fine: false,
            is_torn: false,
            rules: Rules::default(),
            flaw: None,
        }
    }

    /// Every step by itself, where else some are taken at once, and the later ones of no consequence
    /// are not taken: an entry is looked up when the lease was read; a load reads the source as soon as it
    /// may, which gives the oldest value; a poll is answered when it is sent, which gives the longest
    /// lease; an answer is applied and counted in one.
    pub(super) fn fine(mut self) -> Self {
        self.is_fine = true;
        self.torn()
    }

    /// Of these, only that an answer is applied and counted one after the other.
    pub(super) fn torn(mut self) -> Self {
        self.is_torn = true;
        self
    }

    pub(super) fn deaf(mut self) -> Self {
        self.is_deaf = true;
        self
    }

    pub(super) fn forgiven(mut self) -> Self {
        self.is_forgiven = true;
        self
    }

    pub(super) fn saved(mut self) -> Self {
        self.is_saved = true;
        self
    }

    pub(super) fn cold(mut self) -> Self {
        self.is_cold = true;
        self
    }

    pub(super) fn filled(mut self) -> Self {
        self.is_filled = true;
        self.cold()
    }

    pub(super) fn without(mut self, rule: Rule) -> Self {
        self.rules = self.rules.without(rule);
        self
    }

    pub(super) fn with(mut self, flaw: Flaw) -> Self {
        self.flaw = Some(flaw);
        self
    }

    pub(super) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}
