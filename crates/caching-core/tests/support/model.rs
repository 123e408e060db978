//! A plain model of the cache in one process, and random sequences of steps for both.
//!
//! [`spec`] says what each verb gives and what is kept after it; [`asked`] asks the cache the same.

pub mod asked;
pub mod item;
pub mod plan;
pub mod shrink;
pub mod spec;
pub mod step;
