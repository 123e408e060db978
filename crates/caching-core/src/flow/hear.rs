//! Applying here what was invalidated elsewhere.

use crate::coherence::{Asof, Change, Mode};
use crate::flow::Engine;
use crate::key::{KeyName, StoredKey, text_of};

impl Engine {
    /// Applies an invalidation of another process, or an own one whose answer has been heard before.
    pub(crate) fn apply(&self, at: Asof, change: &Change) {
        match change {
            Change::Keys { keys, mode } => {
                for key in keys {
                    self.apply_to_key(at, key, *mode);
                }
            }
            Change::Group { group, clock, mode } => {
                self.note_purge(group);
                self.purges.hear(group, *mode, *clock);
            }
        }
    }

    fn apply_to_key(&self, at: Asof, name: &KeyName, mode: Mode) {
        match self.key_of(name) {
            Some(key) => {
                // In this order: a flight that stores before it is detached is found by the drop.
                self.flights.detach_older(&key, at);
                self.drop_older(&key, mode, at);
            }
            // It was never kept here; another key of its stripe may be in the air.
            None => self.fences.lock(name.stripe()).bump(at, self.clock.now()),
        }
    }

    /// The key that other processes call by this name, unless nothing of it can be kept here.
    pub(crate) fn key_of(&self, name: &KeyName) -> Option<StoredKey> {
        let kind = *self.kinds.pin().get(name.kind())?;
        let scope = self.scope.known(name.scope())?;
        let text = text_of(kind, name.text());
        Some(self.hasher.key(scope, kind, &text).to_stored())
    }
}
