//! The keys that are in use, which may change while they are.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use crate::keys::Keys;

/// The keys that are in use. All clones are the same ring.
///
/// Replacing the keys does not disturb callers: each call works with the keys that it began with.
///
/// ```
/// use caching_encryption::{KeyRing, Keys, SecretKey};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (old, new) = (SecretKey::generate()?, SecretKey::generate()?);
/// let ring = KeyRing::new(Keys::builder().key("old", old.clone()).build()?);
///
/// let both = Keys::builder().key("old", old).key("new", new).active("new");
/// ring.replace(both.build()?);
/// assert_eq!(ring.keys().active().as_str(), "new");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KeyRing {
    /// A std lock: held to copy or exchange one pointer, never across an await.
    keys: Arc<RwLock<Arc<Keys>>>,
}

impl KeyRing {
    /// A ring of these keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self {
            keys: Arc::new(RwLock::new(Arc::new(keys))),
        }
    }

    /// The keys as they are now.
    #[must_use]
    pub fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges the keys. Those of before are wiped once the last call that works with them has ended;
    /// what only they could open is a miss from now on.
    pub fn replace(&self, keys: Keys) {
        let keys = Arc::new(keys);
        let before = {
            let mut current = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, keys)
        };
        drop(before); // and wiped, if nobody uses it, when the lock is free again
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyRing").field(&*self.keys()).finish()
    }
}
