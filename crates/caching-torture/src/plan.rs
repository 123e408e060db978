//! Which fault comes when: the same for the same seed.

use std::time::Duration;

use crate::fault::Fault;

/// Faults of a lane come one after the other; those of two lanes meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Faults of the server.
    Server,
    /// Faults of pods and their links.
    Pods,
    /// Faults of the source.
    Source,
}

/// A fault to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// How long after the one before was healed.
    pub rest: Duration,
    /// Its kind.
    pub fault: Fault,
    /// How long it lasts, where it does.
    pub duration: Duration,
    /// Which pod it hits, where it hits one; modulo how many there are.
    pub pod: u32,
}

/// An endless sequence of faults, drawn from a seed.
#[derive(Clone, Debug)]
pub struct Plan {
    lane: Lane,
    random: fastrand::Rng,
    /// What is left of a round, in which each kind comes as often as it weighs.
    round: Vec<Fault>,
}

impl Plan {
    /// The faults of a lane.
    #[must_use]
    pub fn new(seed: u64, lane: Lane) -> Self {
        let salt = match lane {
            Lane::Server => 1,
            Lane::Pods => 2,
            Lane::Source => 3,
        };
        Self {
            lane,
            random: fastrand::Rng::with_seed(seed.wrapping_mul(31).wrapping_add(salt)),
            round: Vec::new(),
        }
    }

    const fn kinds(&self) -> &'static [(Fault, u32)] {
        match self.lane {
            Lane::Server => Fault::ON_SERVER,
            Lane::Pods => Fault::ON_PODS,
            Lane::Source => Fault::ON_SOURCE,
        }
    }

    /// A kind: all of them come, each in its share, and no seed leaves one out.
    fn kind(&mut self) -> Fault {
        if self.round.is_empty() {
            for (fault, weight) in self.kinds() {
                for _ in 0..*weight {
                    self.round.push(*fault);
                }
            }
            self.random.shuffle(&mut self.round);
        }
        self.round.pop().unwrap_or(Fault::Flushed)
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.random.u64(from..to))
    }
}

impl Iterator for Plan {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        let fault = self.kind();
        let duration = match fault {
            Fault::ServerPaused => self.millis(1500, 4000),
            Fault::PodPaused | Fault::PodStarved => self.millis(1300, 3000),
            Fault::LoadsHeld => self.millis(3000, 5000),
            // Long enough for a load to begin after the lease and to be joined a bound later.
            Fault::SwallowedToServer | Fault::SwallowedToClient | Fault::SwallowedBothWays => {
                self.millis(1200, 4500)
            }
            _ => self.millis(1200, 2500),
        };
        let rest = match self.lane {
            // Epochs that last a while: gaps and replays are within one.
            Lane::Server => self.millis(300, 3500),
            Lane::Pods => self.millis(250, 1000),
            Lane::Source => self.millis(1000, 3000),
        };
        Some(Planned {
            rest,
            fault,
            duration,
            pod: self.random.u32(..),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_schedule_again_and_another_one_another() {
        for lane in [Lane::Server, Lane::Pods, Lane::Source] {
            let plan = |seed| Plan::new(seed, lane).take(40).collect::<Vec<_>>();
            assert_eq!(plan(7), plan(7));
            assert_ne!(plan(7), plan(8));
        }
    }

    #[test]
    fn every_kind_comes_in_every_round() {
        for (lane, kinds) in [
            (Lane::Server, Fault::ON_SERVER),
            (Lane::Pods, Fault::ON_PODS),
        ] {
            let round: u32 = kinds.iter().map(|(_, weight)| weight).sum();
            let came: BTreeSet<Fault> = Plan::new(1, lane)
                .take(round as usize)
                .map(|planned| planned.fault)
                .collect();
            assert_eq!(came.len(), kinds.len());
        }
    }
}
