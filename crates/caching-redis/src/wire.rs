//! What is written to Redis and read back, as bytes: `docs/reference/wire-format.md` is its description.
//!
//! Whatever comes from there may be anything, so that reading it answers `None` and never fails otherwise.

mod change;
mod meta;
mod number;
mod record;
mod reply;

pub(crate) use self::change::{LONGEST_CHANGE, change, encode_change, encode_mode, notice};
pub(crate) use self::meta::encode_tags;
pub(crate) use self::number::{LARGEST_NUMBER, epoch, hex, number};
pub(crate) use self::record::{LONGEST_FIELD, segment};
pub(crate) use self::reply::{bytes, items, text};

/// The version of everything below; another one is another deployment.
pub(crate) const VERSION: &str = "2";
