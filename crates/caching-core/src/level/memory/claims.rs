//! Claims: who has the right to load a record, and until when.

use std::collections::HashMap;

use crate::clock::Tick;
use crate::key::KeyName;
use crate::level::Claim;

/// As few claims are not worth sweeping.
const FEW: usize = 1024;

/// Who loads what. Each field of a key is loaded on its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    held: HashMap<(KeyName, String), Held>,
    /// How many there may be before those that have ended are swept out.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    claim: Claim,
    until: Tick,
}

impl Claims {
    /// Takes the right to load a record, unless another claim has it.
    pub(super) fn take(
        &mut self,
        key: &KeyName,
        field: &str,
        claim: Claim,
        now: Tick,
        until: Tick,
    ) -> bool {
        if self.held.len() >= self.sweep_at.max(FEW) {
            self.held.retain(|_, held| now < held.until);
            self.sweep_at = self.held.len() * 2;
        }
        let place = (key.clone(), field.to_owned());
        let is_taken = self
            .held
            .get(&place)
            .is_some_and(|held| held.claim != claim && now < held.until);
        if !is_taken {
            self.held.insert(place, Held { claim, until });
        }
        !is_taken
    }

    /// Gives the right back, if this claim still has it.
    pub(super) fn release(&mut self, key: &KeyName, field: &str, claim: Claim) {
        let place = (key.clone(), field.to_owned());
        if self
            .held
            .get(&place)
            .is_some_and(|held| held.claim == claim)
        {
            self.held.remove(&place);
        }
    }
}
