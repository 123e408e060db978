//! Where entries are kept.

mod l1;
mod policy;

pub(crate) use self::l1::L1;
