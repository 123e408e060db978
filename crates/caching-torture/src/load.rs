//! How much pods read and write.

use serde::{Deserialize, Serialize};

/// What each pod does while it is tortured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// How many keys there are.
    pub keys: u64,
    /// How many tags there are.
    pub tags: u64,
    /// Readers of a pod.
    pub readers: u64,
    /// Reads a second of each reader, at most.
    pub reads: f64,
    /// Writers of a pod.
    pub writers: u64,
    /// Writes a second of each writer, at most.
    pub writes: f64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            keys: 100,
            tags: 8,
            readers: 16,
            reads: 400.0,
            writers: 2,
            writes: 4.0,
        }
    }
}
