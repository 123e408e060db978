//! One step of a history, and how people read it.

use std::fmt;

/// What happened. Numbers are those of processes, readers and writers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Tick,
    DriverComesBy(usize),
    Hear(usize, usize),
    Poll(usize),
    PollActs(usize),
    PollFails(usize),
    PollApplies(usize),
    PollTold(usize),
    PollApplied(usize),
    Begin(usize),
    Look(usize),
    LookLate(usize),
    LookAgain(usize),
    Join(usize),
    Board(usize),
    BoardAndAsk(usize),
    BoardAndLoad(usize),
    Ask(usize),
    AskActs(usize, usize),
    AskFails(usize),
    AskTold(usize),
    GiveUp(usize),
    Load(usize),
    Fill(usize),
    FillFails(usize),
    Keep(usize),
    KeepUnshared(usize),
    Ticket(usize),
    Commit(usize),
    Drop(usize),
    Acts(usize),
    DropsRecord(usize),
    Told(usize),
    Owned(usize),
    KeepSet(usize),
    Save,
    Flush,
    Evict,
    Trim,
    Restart,
    Demote,
    Failover,
    Move(usize),
    Cut(usize),
    Heal(usize),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Tick => write!(f, "a tick passes"),
            Self::DriverComesBy(p) => write!(f, "{}'s driver comes by", pod(p)),
            Self::Hear(p, n) => write!(f, "{} hears notice {n} of those on their way", pod(p)),
            Self::Poll(p) => write!(f, "{} sends a poll", pod(p)),
            Self::PollActs(p) => write!(f, "the store answers {}'s poll", pod(p)),
            Self::PollFails(p) => write!(f, "{}'s poll fails", pod(p)),
            Self::PollApplies(p) => write!(f, "{} applies what its poll tells", pod(p)),
            Self::PollTold(p) => write!(f, "{} takes in the answer to its poll", pod(p)),
            Self::PollApplied(p) => write!(f, "{} acts on it, and shows its lease", pod(p)),
            Self::Begin(r) => write!(f, "reader {r} begins: the clock, the lease"),
            Self::Look(r) => write!(f, "reader {r} looks into L1"),
            Self::LookLate(r) => write!(f, "reader {r} compares the lease after its look"),
            Self::LookAgain(r) => write!(f, "reader {r} has waited for a lease, and looks again"),
            Self::Join(r) => write!(f, "reader {r} joins the flight"),
            Self::Board(r) => write!(f, "reader {r} begins a flight"),
            Self::BoardAndAsk(r) => write!(f, "reader {r} begins a flight, and asks the store"),
            Self::BoardAndLoad(r) => {
                write!(f, "reader {r} begins a flight, and loads from the source")
            }
            Self::Ask(r) => write!(f, "reader {r} asks the store"),
            Self::AskActs(r, s) => write!(f, "server {s} answers reader {r}"),
            Self::AskFails(r) => write!(f, "reader {r} is not answered"),
            Self::AskTold(r) => write!(
                f,
                "reader {r} takes in what the store has; if nothing, it loads"
            ),
            Self::GiveUp(r) => write!(f, "reader {r} goes without the store"),
            Self::Load(r) => write!(f, "reader {r} loads from the source"),
            Self::Fill(r) => write!(f, "reader {r} offers its value to the store"),
            Self::FillFails(r) => write!(f, "reader {r} cannot offer its value, or is not told"),
            Self::Keep(r) => write!(f, "reader {r} stores its value in L1, and gives it"),
            Self::KeepUnshared(r) => {
                write!(
                    f,
                    "reader {r} stores its value in L1 alone if at all, and gives it"
                )
            }
            Self::Ticket(w) => write!(f, "writer {w} takes a ticket"),
            Self::Commit(w) => write!(f, "writer {w} commits"),
            Self::Drop(w) => write!(f, "writer {w} drops here, and tells the store"),
            Self::Acts(w) => write!(f, "the store applies what writer {w} sent"),
            Self::DropsRecord(w) => write!(f, "the store drops the record for writer {w}"),
            Self::Told(w) => write!(f, "writer {w} is answered, and drops again"),
            Self::Owned(w) => write!(f, "writer {w} counts its number as applied"),
            Self::KeepSet(w) => write!(f, "writer {w} keeps what it set"),
            Self::Save => write!(f, "FAULT to be: the data set is saved"),
            Self::Flush => write!(f, "FAULT: the store is emptied"),
            Self::Evict => write!(f, "FAULT: the control record is evicted"),
            Self::Trim => write!(f, "FAULT: the log is emptied"),
            Self::Restart => write!(f, "FAULT: restarted with what was saved"),
            Self::Demote => write!(f, "FAULT: demoted to what was saved, and back"),
            Self::Failover => write!(f, "FAULT: server 1 takes over with what was saved"),
            Self::Move(p) => write!(f, "{} connects to server 1", pod(p)),
            Self::Cut(p) => write!(f, "FAULT: {}'s links are cut", pod(p)),
            Self::Heal(p) => write!(f, "{}'s links heal", pod(p)),
        }
    }
}

fn pod(p: usize) -> char {
    ['A', 'B'][p]
}
