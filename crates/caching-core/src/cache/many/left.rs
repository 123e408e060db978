//! What is still to be done about the keys of a `get_or_set_many`, once this process was looked through.

use std::collections::HashMap;
use std::sync::Arc;

use crate::flow::Request;
use crate::key::{BuildPrehashed, KeyKind, StoredKey};
use crate::options::Profile;

/// By their keys as they are kept.
pub(super) type ByKey<T> = HashMap<StoredKey, T, BuildPrehashed>;

/// What is still to be done about the keys of a call.
pub(super) struct Left<K> {
    /// What is to be loaded, each key once.
    pub(super) loads: Vec<Request>,
    /// Which load answers which place.
    pub(super) waiting: Vec<(usize, usize)>,
    /// What is fresh, and to be refreshed early.
    pub(super) refreshes: Vec<Request>,
    /// The keys of both.
    pub(super) keys: ByKey<Wanted<K>>,
    /// The profile of the key before: mostly that of the next one, too.
    profile: Option<(KeyKind, Arc<Profile>)>,
}

/// A key that is to be loaded or refreshed.
pub(super) struct Wanted<K> {
    pub(super) key: K,
    /// Which load of the call is its own, if it is loaded.
    pub(super) load: Option<usize>,
}

impl<K> Default for Left<K> {
    fn default() -> Self {
        Self {
            loads: Vec::new(),
            waiting: Vec::new(),
            refreshes: Vec::new(),
            keys: HashMap::default(),
            profile: None,
        }
    }
}

impl<K: Clone> Left<K> {
    /// Notes that a key is needed, by whatever the call has of it.
    pub(super) fn want(&mut self, key: &K, stored: &StoredKey) -> &mut Wanted<K> {
        self.keys.entry(stored.clone()).or_insert_with(|| Wanted {
            key: key.clone(),
            load: None,
        })
    }

    /// The profile of a kind: resolved once for keys of a kind that follow each other.
    pub(super) fn profile_of(
        &mut self,
        kind: KeyKind,
        resolve: impl FnOnce(KeyKind) -> Arc<Profile>,
    ) -> Arc<Profile> {
        match &self.profile {
            Some((of, profile)) if *of == kind => Arc::clone(profile),
            _ => Arc::clone(&self.profile.insert((kind, resolve(kind))).1),
        }
    }
}
