//! The one rule: a value is stored only where nothing was invalidated since before its load began.

mod backplane;
mod candidate;
mod control;
mod fence;
mod group;
mod lag;
mod lease;
mod number;
mod permit;
mod purged;
mod purges;
mod question;
mod rules;
#[cfg(test)]
mod search;

pub use self::backplane::{Applied, Backplane, Change, Notice, Partition};
pub use self::number::{Asof, Epoch, Seq};
pub use self::purges::Mode;
#[cfg(feature = "switches")]
pub use self::rules::Rule;

pub(crate) use self::candidate::{Age, Candidate};
pub(crate) use self::control::{Control, Heard, Polled, Told};
pub(crate) use self::fence::{Fences, StripeGuard};
pub(crate) use self::group::Group;
pub(crate) use self::lag::{News, Recent, Unseen};
pub(crate) use self::lease::Lease;
pub(crate) use self::permit::Permit;
pub(crate) use self::purges::{Purges, RecordValidity, Validity};
pub(crate) use self::question::{Question, Worth};
#[cfg(not(feature = "switches"))]
pub(crate) use self::rules::Rule;
pub(crate) use self::rules::Rules;
