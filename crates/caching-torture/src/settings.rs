//! What a run is made with.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::TortureError;
use crate::load::Load;

/// Plain publish and subscribe, as most caches have it: nothing is numbered, logged, replayed or leased, and
/// nothing keeps an old value from being stored.
pub const PLAIN_PUBSUB: &[&str] = &[
    "store-in-l2",
    "store-in-l1",
    "log",
    "floor",
    "epoch",
    "join",
    "lease-before-look",
    "drop-again",
    "poll-beside-read",
    "seq-on-l2-hit",
    "lease",
];

/// What a run is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Load and faults are drawn from it.
    pub seed: u64,
    /// How long faults are made.
    pub duration: Duration,
    /// How many pods there are.
    pub pods: u32,
    /// What each of them does.
    pub load: Load,
    /// Rules of coherence that are left out, by name; takes the feature `switches`.
    pub left_out: Vec<String>,
    /// Whether the run ends as soon as a violation is found.
    pub until_violation: bool,
    /// The program that serves as a pod: this one, with [`pod::ARGUMENT`](crate::pod::ARGUMENT).
    pub program: PathBuf,
    /// Where a history with violations is kept.
    pub folder: PathBuf,
    /// Whether faults are told as they are made.
    pub is_loud: bool,
}

impl Settings {
    /// A run of this program that keeps all rules.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>, seed: u64, duration: Duration) -> Self {
        Self {
            seed,
            duration,
            pods: 3,
            load: Load::default(),
            left_out: Vec::new(),
            until_violation: false,
            program: program.into(),
            folder: PathBuf::from("target/torture"),
            is_loud: false,
        }
    }

    /// Leaves a rule out.
    ///
    /// # Errors
    ///
    /// [`TortureError::NoSuchRule`], also in a build that keeps them all.
    pub fn leave_out(mut self, rule: &str) -> Result<Self, TortureError> {
        if !rules().contains(&rule) {
            return Err(TortureError::NoSuchRule {
                rule: rule.to_owned(),
                known: if cfg!(feature = "switches") {
                    format!("there are {}", rules().join(", "))
                } else {
                    "build with the feature `switches`".to_owned()
                },
            });
        }
        self.left_out.push(rule.to_owned());
        Ok(self)
    }
}

/// The rules that can be left out.
#[cfg(feature = "switches")]
fn rules() -> Vec<&'static str> {
    caching_core::Rule::ALL
        .iter()
        .map(|(name, _)| *name)
        .collect()
}

/// None: this build keeps them all.
#[cfg(not(feature = "switches"))]
fn rules() -> Vec<&'static str> {
    Vec::new()
}
