//! The keys that settings name: read once, and again when their files change.

mod place;
mod sources;
mod watch;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::sources::{Read, Sources, same};
use crate::config::EncryptionConfig;
use crate::error::EncryptionErrors;
use crate::keys::RingKey;
use crate::ring::KeyRing;

/// A ring whose keys stand in settings, files and environment variables.
///
/// Files are read again by [`reload`](Self::reload), which [`watch`](Self::watch) calls at an interval. A
/// file is replaced as a whole: by a rename, or by the symbolic links that Kubernetes and agents swap.
///
/// | a file | what becomes of the ring |
/// | --- | --- |
/// | holds another key | the new one seals if the old one did; the old one still opens, until it is replaced once more |
/// | of a scope's secret holds another one | what was sealed with the old one is not opened any more |
/// | is gone, cut off, no key, the same key as another | all keys stay as they are, and [`problem`](Self::problem) says so |
///
/// All clones are the same.
#[derive(Clone)]
pub struct KeyFiles {
    shared: Arc<Shared>,
}

struct Shared {
    ring: KeyRing,
    sources: Sources,
    interval: Duration,
    /// A std lock: it makes reloads take turns. They are blocking code, which no async code waits for.
    state: Mutex<State>,
}

/// What was read last.
struct State {
    read: Read,
    /// For each key, the one that it has replaced.
    retired: Vec<Option<RingKey>>,
    /// What is wrong now, for people.
    problem: Option<String>,
}

/// What became of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// Every file holds what it held before.
    Unchanged,
    /// The ring has other keys now.
    Changed,
}

impl KeyFiles {
    /// Reads the keys that settings name.
    ///
    /// # Errors
    ///
    /// All that is wrong with the settings, the files and the keys, together, each with its setting.
    pub fn read(config: &EncryptionConfig) -> Result<Self, EncryptionErrors> {
        let sources = Sources::new(config)?;
        let read = sources.read()?;
        let keys = read.keys(&sources, &[])?;
        let retired = vec![None; sources.keys.len()];
        Ok(Self {
            shared: Arc::new(Shared {
                ring: KeyRing::new(keys),
                sources,
                interval: config.reload_interval,
                state: Mutex::new(State {
                    read,
                    retired,
                    problem: None,
                }),
            }),
        })
    }

    /// The ring, which changes with the files.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.shared.ring
    }

    /// Whether any key is in a file, so that watching makes sense.
    #[must_use]
    pub fn has_files(&self) -> bool {
        self.shared.sources.has_files()
    }

    /// Why the last reload failed, if it did; the keys are then those of before.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    /// Reads the files again, now. It blocks for as long as the files take.
    ///
    /// # Errors
    ///
    /// All that is wrong with the files. The ring then stays as it was.
    pub fn reload(&self) -> Result<Reloaded, EncryptionErrors> {
        let mut state = self.state();
        let reloaded = self.reload_into(&mut state);
        state.problem = reloaded.as_ref().err().map(ToString::to_string);
        reloaded
    }

    fn reload_into(&self, state: &mut State) -> Result<Reloaded, EncryptionErrors> {
        let Shared { ring, sources, .. } = &*self.shared;
        let read = sources.read()?;
        if read.is_same_as(&state.read) {
            return Ok(Reloaded::Unchanged);
        }
        let before = ring.keys();
        let retired: Vec<Option<RingKey>> = sources
            .keys
            .iter()
            .zip(&state.retired)
            .enumerate()
            .map(|(index, ((id, _), retired))| {
                if same(&read.keys[index], &state.read.keys[index]) {
                    retired.clone()
                } else {
                    before.named(id).cloned()
                }
            })
            .collect();
        ring.replace(read.keys(sources, &retired)?);
        state.read = read;
        state.retired = retired;
        Ok(Reloaded::Changed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFiles")
            .field("ring", &self.shared.ring)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
