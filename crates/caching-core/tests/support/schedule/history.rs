//! What happened in a schedule, and which of the four rules it broke.

use std::collections::BTreeMap;

use caching_core::Outcome;

/// The number of a turn: one thing happens in each.
pub type Turn = u64;

/// A tenant's key.
pub type Place = (u32, usize);

/// What a factory brings, or a `set` puts: whose it is, which version of the source, and the turn in which
/// its load began.
pub type Value = (u32, u64, Turn);

/// What an answer has to be younger than.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bar {
    version: u64,
    began: Turn,
}

/// The bars of a place: for fresh answers, and for all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bars {
    fresh: Bar,
    any: Bar,
}

#[derive(Default)]
pub struct History {
    pub turn: Turn,
    versions: BTreeMap<Place, u64>,
    bars: BTreeMap<Place, Bars>,
    /// The turns in which a place was invalidated.
    invalidated: BTreeMap<Place, Vec<Turn>>,
    pub reads: usize,
    pub joins: usize,
    pub violations: Vec<String>,
    /// What happened, turn by turn, where somebody wants to know.
    pub notes: Option<Vec<String>>,
}

impl History {
    /// The version that the source has.
    pub fn version(&self, place: Place) -> u64 {
        self.versions.get(&place).copied().unwrap_or_default()
    }

    pub fn commit(&mut self, place: Place) -> u64 {
        let version = self.versions.entry(place).or_default();
        *version += 1;
        *version
    }

    /// An invalidation takes effect in this turn, and has returned.
    pub fn invalidated(&mut self, place: Place, is_removal: bool) {
        let bar = Bar {
            version: self.version(place),
            began: self.turn,
        };
        self.raise(place, bar, is_removal);
    }

    /// A value was put, which was as new as this then.
    pub fn put(&mut self, place: Place, version: u64, began: Turn) {
        self.raise(place, Bar { version, began }, true);
    }

    fn raise(&mut self, place: Place, bar: Bar, is_removal: bool) {
        let bars = self.bars.entry(place).or_default();
        bars.fresh = bars.fresh.max(bar);
        if is_removal {
            bars.any = bars.any.max(bar);
        }
        self.invalidated.entry(place).or_default().push(self.turn);
        self.note(|| format!("{place:?} is invalidated"));
    }

    /// What a read that begins now has to be given.
    pub fn bars(&self, place: Place) -> Bars {
        self.bars.get(&place).copied().unwrap_or_default()
    }

    /// Whether a place was invalidated between two turns.
    pub fn is_invalidated_between(&self, place: Place, from: Turn, to: Turn) -> bool {
        let turns = self.invalidated.get(&place).into_iter().flatten();
        turns.into_iter().any(|turn| (from..=to).contains(turn))
    }

    /// A read of a place, which began under these bars, was given a value.
    pub fn gave(&mut self, place: Place, bars: Bars, (value, outcome): (Value, Outcome)) {
        let (tenant, version, began) = value;
        let is_joined = matches!(
            outcome,
            Outcome::Miss {
                collapsed: true,
                ..
            }
        );
        self.note(|| format!("{place:?} was given {value:?}, {outcome:?}"));
        self.reads += 1;
        self.joins += usize::from(is_joined);
        let bar = match outcome.is_stale() {
            true => bars.any,
            false => bars.fresh,
        };
        if tenant != place.0 {
            self.broken(4, format!("{place:?} was given what is {tenant}'s"));
        } else if version < bar.version || began < bar.began {
            let rule = if is_joined { 2 } else { 1 };
            self.broken(
                rule,
                format!("{place:?} was given {value:?}, {outcome:?}, to a read under {bar:?}"),
            );
        }
    }

    pub fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(notes) = &mut self.notes {
            notes.push(format!("turn {}: {}", self.turn, what()));
        }
    }

    pub fn broken(&mut self, rule: u8, how: String) {
        let turn = self.turn;
        self.note(|| format!("broken: {how}"));
        self.violations
            .push(format!("rule {rule}, turn {turn}: {how}"));
    }
}

impl Bar {
    fn max(self, other: Self) -> Self {
        Self {
            version: self.version.max(other.version),
            began: self.began.max(other.began),
        }
    }
}
