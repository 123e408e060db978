//! Visits every state of a small world, breadth first.

use std::collections::HashSet;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

use super::state::{Broken, State};
use super::step::Step;
use super::world::World;

/// More states than this, and a world is not small.
const AT_MOST: usize = 12_000_000;

/// What a search has come to.
#[derive(Debug)]
pub(super) struct Searched {
    /// How many states were visited.
    pub(super) states: usize,
    /// The shortest history that breaks the promise, if there is one.
    pub(super) history: Option<History>,
}

/// A history that breaks the promise.
#[derive(Debug)]
pub(super) struct History {
    pub(super) steps: Vec<Step>,
    pub(super) broken: Broken,
}

/// Searches a world: to its end, or until the promise is broken.
///
/// Of each state that was visited, 64 bits are kept: the chance that two of ten million share them is
/// one in three hundred thousand. The seed is fixed, so that every run visits the same.
pub(super) fn search(world: &World) -> Searched {
    let hasher = FixedState::default();
    let first = State::first(world);
    let mut seen = HashSet::with_hasher(FixedState::default());
    seen.insert(hasher.hash_one(&first));
    // For each state in the order of its first visit, where it came from.
    let mut came_from = vec![(0_u32, Step::Tick)];
    let mut now = vec![(0_u32, first)];
    while !now.is_empty() {
        let mut later = Vec::new();
        for (from, state) in now {
            let mut found = None;
            state.each(world, &mut |step, next| {
                if found.is_some() || !seen.insert(hasher.hash_one(&next)) {
                    return;
                }
                let number = u32::try_from(came_from.len()).expect("fewer than AT_MOST");
                came_from.push((from, step));
                match next.broken {
                    Some(broken) => found = Some((number, broken)),
                    None => later.push((number, next)),
                }
            });
            if let Some((last, broken)) = found {
                let steps = way_to(&came_from, last);
                return Searched {
                    states: came_from.len(),
                    history: Some(History { steps, broken }),
                };
            }
        }
        assert!(
            came_from.len() <= AT_MOST,
            "the world \"{}\" is too large: {} states so far",
            world.name,
            came_from.len()
        );
        now = later;
    }
    Searched {
        states: came_from.len(),
        history: None,
    }
}

fn way_to(came_from: &[(u32, Step)], last: u32) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut number = last;
    while number != 0 {
        let (from, step) = came_from[number as usize];
        steps.push(step);
        number = from;
    }
    steps.reverse();
    steps
}

impl std::fmt::Display for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:>3}. {step}", number + 1)?;
        }
        let Broken {
            reader,
            given,
            least,
        } = self.broken;
        write!(
            f,
            "     reader {reader} was given version {given}, and {least} was settled"
        )
    }
}
