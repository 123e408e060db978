//! The transform that a cache puts its payloads through.

use caching_core::{BoxError, PayloadContext, PayloadTransform};

use crate::binding::Binding;
use crate::error::{OpenError, SealError};
use crate::ring::KeyRing;
use crate::sealed::{self, Sealed};
use crate::xaes::{Failed, NONCE};

/// Seals the payloads of a cache on their way out of the process, and opens them on their way back.
///
/// It never blocks: there is no I/O in it, and the keys are in memory. Sealing the same payload twice gives
/// different bytes. Clones share the ring.
///
/// | stored bytes | `open` |
/// | --- | --- |
/// | sealed for this very record, with a key of the ring | the payload |
/// | altered, cut off, from another key, scope, version or header | [`OpenError`] |
/// | sealed with a key that is not, or no longer, in the ring | [`OpenError::UnknownKey`] |
/// | plain | [`OpenError::NotSealed`]; while migrating, the bytes as they are |
#[derive(Clone, Debug)]
pub struct PayloadEncryption {
    ring: KeyRing,
    is_migrating: bool,
}

impl PayloadEncryption {
    /// Bytes that a stored payload has more than the one that was sealed.
    pub const OVERHEAD: usize = sealed::OVERHEAD;

    /// Encrypts with the keys of a ring, and refuses what is not encrypted.
    #[must_use]
    pub fn new(ring: KeyRing) -> Self {
        Self {
            ring,
            is_migrating: false,
        }
    }

    /// Says whether payloads that were stored before encryption was switched on are still read.
    ///
    /// While they are, whoever can write to the store can put a plain payload there unnoticed: switch it
    /// off once the old payloads are gone.
    #[must_use]
    pub fn migrate_from_plaintext(mut self, is_migrating: bool) -> Self {
        self.is_migrating = is_migrating;
        self
    }

    /// The ring whose keys are used.
    #[must_use]
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(crate) fn sealed(&self, record: &Binding<'_>, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let keys = self.ring.keys();
        let key = keys.active_key();
        let preface = sealed::preface(key.fingerprint());
        let nonce = random_nonce()?;

        let mut stored = Vec::with_capacity(plain.len() + Self::OVERHEAD);
        stored.extend_from_slice(&preface);
        stored.extend_from_slice(&nonce);
        let start = stored.len();
        stored.extend_from_slice(plain);
        let tag = keys
            .cipher(key, record.scope_text)
            .seal(
                &nonce,
                &record.additional_data(&preface),
                &mut stored[start..],
            )
            .map_err(|Failed| SealError::TooLong {
                length: plain.len(),
            })?;
        stored.extend_from_slice(&tag);
        Ok(stored)
    }

    pub(crate) fn opened(&self, record: &Binding<'_>, stored: &[u8]) -> Result<Vec<u8>, OpenError> {
        let sealed = match Sealed::parse(stored) {
            Err(OpenError::NotSealed) if self.is_migrating => return Ok(stored.to_vec()),
            parsed => parsed?,
        };
        let keys = self.ring.keys();
        let key = keys.find(sealed.key).ok_or(OpenError::UnknownKey)?;
        let preface = sealed::preface(sealed.key);
        let mut plain = sealed.ciphertext.to_vec();
        keys.cipher(key, record.scope_text)
            .open(
                sealed.nonce,
                &record.additional_data(&preface),
                &mut plain,
                sealed.tag,
            )
            .map_err(|Failed| OpenError::NotAuthentic)?;
        Ok(plain)
    }
}

impl PayloadTransform for PayloadEncryption {
    fn name(&self) -> &'static str {
        "xaes-256-gcm"
    }

    fn seal(&self, cx: &PayloadContext<'_>, plain: &[u8]) -> Result<Vec<u8>, BoxError> {
        Ok(self.sealed(&cx.into(), plain)?)
    }

    fn open(&self, cx: &PayloadContext<'_>, stored: &[u8]) -> Result<Vec<u8>, BoxError> {
        Ok(self.opened(&cx.into(), stored)?)
    }
}

/// 192 bits from the operating system.
///
/// A generator in the process would be faster, and has a state that `fork` and the snapshot of a virtual
/// machine duplicate: two processes would seal different payloads with one nonce, which gives both away
/// and lets records be forged. The system's call is nothing beside the round trip that stores the payload.
fn random_nonce() -> Result<[u8; NONCE], SealError> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).map_err(|error| SealError::NoRandomness(error.into()))?;
    Ok(nonce)
}

#[cfg(test)]
mod tests;
