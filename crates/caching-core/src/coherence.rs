//! The one rule: a value is stored only where nothing was invalidated since before its load began.

mod backplane;
mod fence;
mod lease;
mod purges;

pub use self::backplane::{Backplane, Change, Notice, Partition};
pub use self::fence::{Asof, Epoch, Seq};
pub use self::purges::Mode;

pub(crate) use self::fence::{Fences, StripeGuard};
pub(crate) use self::lease::Lease;
pub(crate) use self::purges::{Group, Purges, Validity};
