//! A seat in L1: by what the policy, which keeps no key, finds an entry in the index.

use std::hash::{Hash, Hasher};

use equivalent::Equivalent;

use crate::key::StoredKey;

/// A seat in L1: the hash of a key, and a number that no other entry has.
///
/// Two keys may have one hash, and a key may have another entry by now. The number tells: whoever has a seat
/// finds that very entry under it, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) hash: u64,
    /// It comes again after four billion stores. What sat there all that time would leave early.
    pub(super) number: u32,
}

impl Hash for Seat {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<StoredKey> for Seat {
    fn equivalent(&self, stored: &StoredKey) -> bool {
        self.hash == stored.hash() && self.number == stored.seat()
    }
}
