//! The rules of coherence by name, so that a test can leave one out and see what breaks.

/// A rule that keeps an old value from coming back. Each is kept, always: only a build with the
/// feature `switches`, which is for tests, can leave one out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    not(any(test, feature = "switches")),
    expect(dead_code, reason = "for tests")
)]
#[allow(unreachable_pub, reason = "public with the feature `switches`")]
#[repr(u32)]
pub enum Rule {
    /// A value is stored in the shared store only if nothing was invalidated since its load began.
    StoreInL2,
    /// The same in this process.
    StoreInL1,
    /// A gap in the numbers of notices is noticed, and what was missed is replayed.
    Log,
    /// After a break, entries and loads of before count for nothing.
    Floor,
    /// Another epoch is a break.
    Epoch,
    /// A load notes the tag clock before it begins.
    TagClock,
    /// Once the lease is over, only young flights are joined.
    Join,
    /// The clock is read before the entry is looked up.
    LeaseBeforeLook,
    /// An own invalidation drops again when the store has answered.
    DropAgain,
    /// The lease is compared with a clock that is read on this very hit.
    ClockOnHit,
    /// Once the lease is over, the store is read only after a poll has been answered.
    PollBesideRead,
    /// A record counts only if its store knows as much as this process.
    SeqOnL2Hit,
    /// An entry is given only while the lease holds.
    Lease,
    /// A `set` with a ticket compares it.
    Ticket,
    /// Nobody joins a flight that began before its key was invalidated.
    JoinDetached,
    /// A flight goes on while anybody waits for it.
    Passengers,
    /// A factory that panics frees its key.
    Panic,
    /// The scope is that of the call, not that of its first poll.
    CapturedScope,
}

/// Which rules are kept: in a shipped build, all of them, at no cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Rules {
    #[cfg(any(test, feature = "switches"))]
    left_out: u32,
}

impl Rules {
    /// Whether a rule is kept.
    #[cfg(any(test, feature = "switches"))]
    #[inline]
    pub(crate) const fn keep(self, rule: Rule) -> bool {
        self.left_out & (1 << rule as u32) == 0
    }

    /// Whether a rule is kept.
    #[cfg(not(any(test, feature = "switches")))]
    #[inline]
    pub(crate) const fn keep(self, _: Rule) -> bool {
        true
    }

    /// All rules but this one and those that were left out before.
    #[cfg(any(test, feature = "switches"))]
    pub(crate) const fn without(self, rule: Rule) -> Self {
        Self {
            left_out: self.left_out | (1 << rule as u32),
        }
    }
}

#[cfg(feature = "switches")]
impl Rule {
    /// Every rule, by its name.
    pub const ALL: [(&'static str, Self); 18] = [
        ("store-in-l2", Self::StoreInL2),
        ("store-in-l1", Self::StoreInL1),
        ("log", Self::Log),
        ("floor", Self::Floor),
        ("epoch", Self::Epoch),
        ("tag-clock", Self::TagClock),
        ("join", Self::Join),
        ("lease-before-look", Self::LeaseBeforeLook),
        ("drop-again", Self::DropAgain),
        ("clock-on-hit", Self::ClockOnHit),
        ("poll-beside-read", Self::PollBesideRead),
        ("seq-on-l2-hit", Self::SeqOnL2Hit),
        ("lease", Self::Lease),
        ("ticket", Self::Ticket),
        ("join-detached", Self::JoinDetached),
        ("passengers", Self::Passengers),
        ("panic", Self::Panic),
        ("captured-scope", Self::CapturedScope),
    ];

    /// The rule with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, rule)| *rule)
    }
}
