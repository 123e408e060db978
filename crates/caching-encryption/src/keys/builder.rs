//! Keys, collected before they are a ring.

use std::collections::HashMap;
use std::fmt;

use super::{KeyId, Keys, RingKey};
use crate::error::{KeysError, KeysErrors};
use crate::secret_key::SecretKey;

/// The longest text of a scope that can have a secret.
const LONGEST_SCOPE: usize = 256;

/// Collects keys.
#[must_use]
pub struct KeysBuilder {
    keys: Vec<(String, SecretKey)>,
    active: Option<String>,
    scope_secrets: Vec<(String, SecretKey)>,
    /// They open what they sealed, and no setting names them any more.
    retired: Vec<RingKey>,
}

impl KeysBuilder {
    pub(super) fn new() -> Self {
        Self {
            keys: Vec::new(),
            active: None,
            scope_secrets: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// Adds a key.
    pub fn key(mut self, id: impl Into<String>, key: SecretKey) -> Self {
        self.keys.push((id.into(), key));
        self
    }

    /// Says which key seals; without it, the one that was added last.
    pub fn active(mut self, id: impl Into<String>) -> Self {
        self.active = Some(id.into());
        self
    }

    /// Gives a scope, by its text such as `t:acme`, a secret that is mixed into all of its keys.
    ///
    /// Whoever destroys the secret has destroyed what was sealed with it, in copies of the store too:
    /// the keys of the ring do not open it.
    pub fn scope_secret(mut self, scope_text: impl Into<String>, secret: SecretKey) -> Self {
        self.scope_secrets.push((scope_text.into(), secret));
        self
    }

    /// Adds a key that was replaced under its id, to open what it has sealed.
    pub(crate) fn retired(mut self, key: &RingKey) -> Self {
        self.retired.push(key.anew());
        self
    }

    /// Makes them a whole.
    ///
    /// # Errors
    ///
    /// All that is wrong, together.
    pub fn build(self) -> Result<Keys, KeysErrors> {
        let mut errors = Vec::new();
        let mut keys: Vec<RingKey> = Vec::new();
        for (index, (id, key)) in self.keys.into_iter().enumerate() {
            let Some(id) = KeyId::parse(&id) else {
                let position = index + 1;
                errors.push(KeysError::InvalidId { position });
                continue;
            };
            let key = RingKey::new(id, key);
            match keys.iter().find_map(|other| conflict(other, &key)) {
                Some(error) => errors.push(error),
                None => keys.push(key),
            }
        }
        if keys.is_empty() && errors.is_empty() {
            errors.push(KeysError::NoKey);
        }
        let active = active(&keys, self.active.as_deref());
        if active.is_none() && errors.is_empty() {
            let ids = keys.iter().map(|key| key.id().to_string()).collect();
            errors.push(KeysError::UnknownActive { ids });
        }
        let scope_secrets = scope_secrets(self.scope_secrets, &mut errors);
        for key in self.retired {
            // One that has come back is no longer retired.
            if !keys
                .iter()
                .any(|other| other.fingerprint() == key.fingerprint())
            {
                keys.push(key);
            }
        }
        match active {
            Some(active) if errors.is_empty() => Ok(Keys {
                keys,
                active,
                scope_secrets,
            }),
            _ => Err(KeysErrors(errors)),
        }
    }
}

impl fmt::Debug for KeysBuilder {
    /// Without the ids: they have not been looked at, and one could be a key in the wrong place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeysBuilder")
            .field("keys", &self.keys.len())
            .field("scope_secrets", &self.scope_secrets.len())
            .finish_non_exhaustive()
    }
}

/// Why two keys cannot be in one ring.
fn conflict(first: &RingKey, second: &RingKey) -> Option<KeysError> {
    if first.id() == second.id() {
        return Some(KeysError::DuplicateId {
            id: first.id().to_string(),
        });
    }
    (first.fingerprint() == second.fingerprint()).then(|| KeysError::SameKey {
        first: first.id().to_string(),
        second: second.id().to_string(),
    })
}

fn active(keys: &[RingKey], wanted: Option<&str>) -> Option<usize> {
    match wanted {
        Some(wanted) => keys.iter().position(|key| key.id().as_str() == wanted),
        None => keys.len().checked_sub(1),
    }
}

fn scope_secrets(
    given: Vec<(String, SecretKey)>,
    errors: &mut Vec<KeysError>,
) -> HashMap<Box<str>, SecretKey> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut secrets = HashMap::new();
    for (index, (scope, secret)) in given.into_iter().enumerate() {
        let position = index + 1;
        if scope.is_empty() || scope.len() > LONGEST_SCOPE {
            errors.push(KeysError::InvalidScope { position });
        } else if let Some(&first) = places.get(&scope) {
            let second = position;
            errors.push(KeysError::DuplicateScope { first, second });
        } else {
            secrets.insert(scope.as_str().into(), secret);
            places.insert(scope, position);
        }
    }
    secrets
}
