//! From what modules asked for to services that exist.

pub(crate) mod assemble;
pub(crate) mod graph;
pub(crate) mod plan;
