//! One key of a ring, and the keys of scopes that are derived from it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::KeyId;
use crate::secret_key::SecretKey;
use crate::xaes::{KEY, Xaes256Gcm};

/// So many scopes have their cipher at hand; deriving one anew takes a few microseconds.
const MOST_CIPHERS: usize = 4096;

/// What the derived bytes are for, so that those for one purpose say nothing about those for another.
const FINGERPRINT: &[u8] = b"caching-encryption 1 fingerprint";
const SCOPE: &[u8] = b"caching-encryption 1 scope ";

/// Which key sealed a record. It says nothing about the key but whether it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(pub(crate) [u8; Self::LENGTH]);

impl Fingerprint {
    pub(crate) const LENGTH: usize = 8;

    pub(crate) fn of(key: &SecretKey) -> Self {
        let mut fingerprint = [0; Self::LENGTH];
        derive(key, None, &[FINGERPRINT], &mut fingerprint);
        Self(fingerprint)
    }
}

/// A key of a ring. It seals nothing itself: each scope has a key of its own, derived from it.
#[derive(Clone)]
pub(crate) struct RingKey {
    shared: Arc<Shared>,
}

struct Shared {
    id: KeyId,
    fingerprint: Fingerprint,
    key: SecretKey,
    /// By the text of the scope. A std lock: held for one look-up or one insertion, never across an await,
    /// and never while a key is derived.
    ciphers: RwLock<HashMap<Box<str>, Arc<Xaes256Gcm>>>,
}

impl RingKey {
    pub(crate) fn new(id: KeyId, key: SecretKey) -> Self {
        Self {
            shared: Arc::new(Shared {
                id,
                fingerprint: Fingerprint::of(&key),
                key,
                ciphers: RwLock::default(),
            }),
        }
    }

    pub(crate) fn id(&self) -> &KeyId {
        &self.shared.id
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.shared.fingerprint
    }

    /// The same key with no cipher at hand, for a ring whose secrets of scopes may be others.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.shared.id.clone(), self.shared.key.clone())
    }

    /// The cipher of a scope.
    pub(crate) fn cipher(&self, scope_text: &str, secret: Option<&SecretKey>) -> Arc<Xaes256Gcm> {
        let ciphers = &self.shared.ciphers;
        if let Some(cipher) = ciphers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(scope_text)
        {
            return Arc::clone(cipher);
        }
        // Two callers may both derive it; they derive the same.
        let key = self.shared.scope_key(scope_text, secret);
        let cipher = Arc::new(Xaes256Gcm::new(&key));
        let mut ciphers = ciphers.write().unwrap_or_else(PoisonError::into_inner);
        // All at once, so that it costs one derivation a scope however many there are.
        if ciphers.len() >= MOST_CIPHERS {
            ciphers.clear();
        }
        ciphers.insert(scope_text.into(), Arc::clone(&cipher));
        cipher
    }
}

impl Shared {
    fn scope_key(&self, scope_text: &str, secret: Option<&SecretKey>) -> Zeroizing<[u8; KEY]> {
        let mut key = Zeroizing::new([0; KEY]);
        let info = [SCOPE, scope_text.as_bytes()];
        derive(&self.key, secret, &info, &mut *key);
        key
    }
}

/// HKDF-SHA256 (RFC 5869). Where there is a secret of the scope, it is the salt: without it the key of the
/// ring is not enough, and without the key of the ring the secret is not.
fn derive(key: &SecretKey, secret: Option<&SecretKey>, info: &[&[u8]], out: &mut [u8]) {
    let salt = secret.map(|secret| &secret.expose()[..]);
    Hkdf::<Sha256>::new(salt, key.expose())
        .expand_multi_info(info, out)
        .expect("no more than 255 digests are asked for");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MOST_CIPHERS, RingKey};
    use crate::keys::KeyId;
    use crate::secret_key::SecretKey;

    fn ring_key(byte: u8) -> RingKey {
        let id = KeyId::parse("test").unwrap();
        RingKey::new(id, SecretKey::from_bytes(&[byte; 32]).unwrap())
    }

    #[test]
    fn a_scope_keeps_its_cipher() {
        let key = ring_key(1);
        let first = key.cipher("t:acme", None);
        assert!(Arc::ptr_eq(&first, &key.cipher("t:acme", None)));
        assert!(!Arc::ptr_eq(&first, &key.cipher("t:globex", None)));
    }

    #[test]
    fn ciphers_of_many_scopes_take_no_more_room_than_they_may() {
        let key = ring_key(1);
        for scope in 0..MOST_CIPHERS + 10 {
            key.cipher(&format!("t:{scope}"), None);
        }
        let kept = key.shared.ciphers.read().unwrap().len();
        assert_eq!(kept, 10);
    }

    #[test]
    fn the_fingerprint_is_that_of_the_key_and_not_of_its_id() {
        assert_eq!(ring_key(1).fingerprint(), ring_key(1).anew().fingerprint());
        assert_ne!(ring_key(1).fingerprint(), ring_key(2).fingerprint());
    }

    /// Against HKDF of Python's standard library. A change of the derivation would make everything that is
    /// stored unreadable.
    #[test]
    fn keys_are_derived_as_ever() {
        let fingerprint = [208, 197, 130, 31, 32, 113, 34, 204];
        assert_eq!(ring_key(1).fingerprint().0, fingerprint);

        let hex = |scope: &str, secret: Option<&SecretKey>| {
            let key = ring_key(1).shared.scope_key(scope, secret);
            key.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        let secret = SecretKey::from_bytes(&[2; 32]).unwrap();
        assert_eq!(
            hex("t:acme", None),
            "cf231373e89244c3a7052e05664034d2d021d70c04fcb78e97e00ef4f4c80830"
        );
        assert_eq!(
            hex("t:acme", Some(&secret)),
            "8fbfb6e29b04b2e60a2a7d31351fe87953679a3ee692630c638413846f731c7e"
        );
    }
}
