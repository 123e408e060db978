//! Random schedules of one cache: whose turn it is, at every await, a seed decides.

mod caller;
mod history;
mod source;
pub mod tenant;
mod world;

pub use world::{Run, SCHEDULES, run};
