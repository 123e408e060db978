//! A shared level that fails, waits and forgets on demand.

mod backplane;
mod l2;
mod l2_fault;
mod notice_fault;

pub use self::backplane::ChaosBackplane;
pub use self::l2::ChaosL2;
pub use self::l2_fault::{L2Fault, L2Operation};
pub use self::notice_fault::NoticeFault;
