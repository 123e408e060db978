//! The one rule: a value is stored only where nothing was invalidated since before its load began.

mod fence;
mod lease;
mod purges;

pub use self::fence::{Asof, Epoch, Seq};

pub(crate) use self::fence::{Fences, StripeGuard};
pub(crate) use self::lease::Lease;
pub(crate) use self::purges::{Group, Mode, Purges, Validity};
