//! Torture of a deployment: pods as processes, a real Redis, faults, and a checker.
//!
//! Three pods share a cache over one `redis-server`, each through a fault proxy of its own. They read and write at
//! random, while servers and pods are killed and paused, connections swallowed and cut, and what Redis remembers is
//! damaged, all drawn from a seed. Whatever a read gave is compared with what it had to give at least:
//!
//! > Once an invalidation has returned `Applied`, no pod gives a value older than the source was when it began to a
//! > read that begins more than the bound later; on the pod that invalidated, the bound is 0.
//!
//! A value that is labelled stale is no violation. When everything is healed, L1, L2 and source hold the same.
//!
//! ```text
//!              commits, SELECTs (socket)
//!      +------------------------------------+
//!      v                                    |
//!   [source]  [faults]  [checker]         [pod] x 3 --- [proxy] x 3 --- redis-server
//!   \_______ the driver, one process ___/   |
//!      ^                                    |
//!      +------------------------------------+
//!              what was read and written, and when (lines)
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | [`run()`], [`Settings`] | a run from start to verdict |
//! | [`History`], [`check()`] | what happened, and what was wrong with it |
//! | [`pod`] | the program that is tortured |
//! | [`Fault`], [`Plan`] | what is done to it, and when |

mod moment;

mod history;
mod kept;
mod source;

mod checker;
mod demand;

pub mod pod;

mod fault;
mod faults;
mod plan;

mod load;
mod report;
mod rest;
mod run;
mod settings;
mod world;

mod error;

pub use crate::checker::{Verdict, Violation, Whose, check};
pub use crate::error::TortureError;
pub use crate::fault::Fault;
pub use crate::history::{
    Answer, Commit, Counts, Happened, History, How, Invalidation, Read, Resting, What,
};
pub use crate::kept::{keep, load_kept};
pub use crate::load::Load;
pub use crate::moment::Moment;
pub use crate::plan::{Lane, Plan, Planned};
pub use crate::report::Report;
pub use crate::run::run;
pub use crate::settings::{PLAIN_PUBSUB, Settings};
