//! Where entries are kept.

mod l1;
mod l2;
mod policy;

pub use self::l2::{
    Address, FillAnswer, FoundRecord, L2, L2Error, L2ErrorKind, PollAnswer, ReadAnswer, Record,
};

pub(crate) use self::l1::L1;
