//! What is asked of the cache and of its model, and what comes of it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use caching_core::{EagerRefresh, EntryOptions, Limit, Outcome};

use super::item::Item;

/// One call for a tenant, or time that passes.
#[derive(Clone, Debug)]
pub struct Step {
    pub tenant: u32,
    pub verb: Verb,
    /// Where its caller leaves: it polls so many times, and then no more.
    pub leaves_after: Option<usize>,
}

#[derive(Clone, Debug)]
pub enum Verb {
    Peek(Item),
    Get(Item, AllowStale),
    GetMany(Vec<Item>, AllowStale),
    Load(Item, Ask),
    LoadMany(Vec<Item>, Ask),
    Ticket(Item),
    Set(Item, Put),
    SetMany(Vec<Item>, Put),
    Invalidate(Vec<Change>),
    Pass(Duration),
}

pub type AllowStale = bool;

/// What a `get_or_set` says, and what its factory does.
#[derive(Clone, Debug)]
pub struct Ask {
    pub is_optional: bool,
    pub wish: Wish,
    pub tags: Vec<&'static str>,
    pub default: Option<u32>,
    pub factory: Factory,
}

#[derive(Clone, Debug)]
pub struct Factory {
    pub ends: Ends,
    pub takes: Duration,
    /// How often it has to be polled more than once.
    pub yields: usize,
    pub says: Wish,
    pub adds: Option<&'static str>,
    pub keeps_out: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ends {
    Gives(u32),
    /// There is none; where one is required, it fails.
    GivesNone,
    Fails,
    Panics,
}

/// What a `set` says.
#[derive(Clone, Debug)]
pub struct Put {
    pub value: u32,
    pub wish: Wish,
    pub tags: Vec<&'static str>,
    /// With the ticket that was taken last, if it is of that key.
    pub since: bool,
}

/// One thing that is invalidated, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub what: What,
    pub mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Item(Item),
    Tag(&'static str),
    Kind(&'static str),
    Scope,
    Everything,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Remove,
    Expire,
}

/// Options that are said, or left to the profile.
#[derive(Clone, Default)]
pub struct Wish {
    pub duration: Option<Duration>,
    pub negative: Option<Duration>,
    pub retention: Option<Duration>,
    pub throttle: Option<Duration>,
    pub sliding: Option<Duration>,
    pub fail_safe: Option<bool>,
    pub revocable: bool,
    pub is_lazy: bool,
    pub is_past_l1: bool,
    pub is_not_kept: bool,
}

impl Wish {
    pub fn options(&self) -> EntryOptions {
        let mut options = EntryOptions::new();
        options.duration = self.duration;
        options.negative_duration = self.negative;
        options.retention = self.retention;
        options.throttle = self.throttle;
        options.sliding = self.sliding.map(Limit::After);
        options.fail_safe = self.fail_safe;
        options.revocable = self.revocable.then_some(true);
        options.eager_refresh = self.is_lazy.then_some(EagerRefresh::Off);
        options.l1_read = self.is_past_l1.then_some(false);
        options.l1_write = self.is_not_kept.then_some(false);
        options
    }
}

/// Only what is said.
impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let durations = [
            ("duration", self.duration),
            ("negative", self.negative),
            ("retention", self.retention),
            ("throttle", self.throttle),
            ("sliding", self.sliding),
        ];
        let marks = [
            ("revocable", self.revocable),
            ("lazy", self.is_lazy),
            ("past L1", self.is_past_l1),
            ("not kept", self.is_not_kept),
        ];
        let durations = durations
            .into_iter()
            .filter_map(|(name, said)| Some((name, said?)));
        let marks = marks.into_iter().filter(|(_, said)| *said);
        f.debug_map()
            .entries(durations)
            .entries(self.fail_safe.map(|said| ("fail-safe", said)))
            .entries(marks)
            .finish()
    }
}

/// What came of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Came {
    /// For each key, or one in all.
    pub answers: Vec<Answer>,
    /// How long the caller waited.
    pub after: Duration,
    /// How often a factory ran, and what stale values it was offered.
    pub runs: usize,
    pub offered: BTreeMap<Item, Option<u32>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Value(Option<u32>, Outcome),
    Peeked(Option<u32>),
    Failed,
    TimedOut,
    Applied,
}
