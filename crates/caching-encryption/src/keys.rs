//! Keys that belong together: one writes, all read.

mod builder;
mod id;
mod scoped;

pub use self::builder::KeysBuilder;
pub use self::id::KeyId;
pub(crate) use self::scoped::{Fingerprint, RingKey};

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::secret_key::SecretKey;
use crate::xaes::Xaes256Gcm;

/// Keys that belong together: the active one seals, each of them opens what it has sealed.
///
/// It does not change; a [`KeyRing`](crate::KeyRing) holds the one that is in use.
pub struct Keys {
    /// In the order in which they were given.
    keys: Vec<RingKey>,
    active: usize,
    /// Secrets that are mixed into the keys of a scope, by its text.
    scope_secrets: HashMap<Box<str>, SecretKey>,
}

impl Keys {
    /// No keys yet.
    pub fn builder() -> KeysBuilder {
        KeysBuilder::new()
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn active(&self) -> &KeyId {
        self.active_key().id()
    }

    /// The ids of all keys, in the order in which they were given; then those of keys that were replaced
    /// in their files and still read.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter().map(RingKey::id)
    }

    pub(crate) fn active_key(&self) -> &RingKey {
        &self.keys[self.active]
    }

    /// The key of this id that a setting names, not one that it has replaced.
    pub(crate) fn named(&self, id: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.id().as_str() == id)
    }

    pub(crate) fn find(&self, fingerprint: Fingerprint) -> Option<&RingKey> {
        // A ring has a handful of keys.
        self.keys
            .iter()
            .find(|key| key.fingerprint() == fingerprint)
    }

    /// The cipher of a key for a scope.
    pub(crate) fn cipher(&self, key: &RingKey, scope_text: &str) -> Arc<Xaes256Gcm> {
        key.cipher(scope_text, self.scope_secrets.get(scope_text))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field(
                "ids",
                &self.keys.iter().map(RingKey::id).collect::<Vec<_>>(),
            )
            .field("active", self.active())
            .field("scope_secrets", &self.scope_secrets.len())
            .finish()
    }
}
