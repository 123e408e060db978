//! Where entries are kept.

mod breaker;
mod guard;
mod l1;
mod l2;
mod memory;
mod policy;
mod rounds;
mod seat;

pub use self::l2::{
    Address, BreakReason, Claim, Deployment, FillAnswer, Find, FoundRecord, L2, L2Error,
    L2ErrorKind, PollAnswer, PurgeTimes, PurgedAnswer, PutAnswer, ReadAnswer, Record,
};
pub use self::memory::{MemoryBackplane, MemoryL2, MemoryRecord, MemorySnapshot, MemoryStore};

pub(crate) use self::guard::Guard;
pub(crate) use self::l1::{L1, Room};
