//! From what modules asked for to services that exist.

pub(crate) mod enable;
pub(crate) mod graph;
pub(crate) mod plan;

pub(crate) mod assemble;
