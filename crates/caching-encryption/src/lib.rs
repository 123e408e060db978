//! Encrypts what a cache stores outside of the process, with a ring of keys that rotate.
//!
//! Values that stay in the process are plain; whatever a cache writes to a store that others can reach
//! goes through a [`PayloadEncryption`]. Each record is bound to its key, scope and version: one that was
//! altered, moved or exchanged is not opened, and the read is a miss.
//!
//! ```
//! use caching_encryption::{KeyRing, Keys, PayloadEncryption, SecretKey};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = Keys::builder()
//!     .key("2026-05", SecretKey::from_base64("q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k=")?)
//!     .key("2026-11", SecretKey::generate()?)
//!     .active("2026-11") // writes; the other one still reads
//!     .build()?;
//! let encryption = PayloadEncryption::new(KeyRing::new(keys));
//! # let _ = encryption;
//! # Ok(())
//! # }
//! ```
//!
//! In an app host, `CachingEncryptionModule` makes it from the section `[cache.encryption]`, an
//! [`EncryptionConfig`], and reads key files again when they change.
//!
//! # What a record looks like
//!
//! XAES-256-GCM of [C2SP](https://c2sp.org/XAES-256-GCM): AES-256-GCM under a key of its own for every
//! record, derived from a random nonce of 192 bits. There is no limit of 2³² records a key.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `C1 58 47 01`: a record of this crate, in its first format |
//! | 8 | which key of the ring: a digest of the key |
//! | 24 | the nonce, from the operating system |
//! | as the value | the ciphertext |
//! | 16 | the tag |
//!
//! The additional data is the physical key, the scope, the version of the value's type and the header of
//! the envelope, each with its length. A ring's key is never used itself: each scope has one that is
//! derived from it (HKDF-SHA256, RFC 5869).
//!
//! # Features
//!
//! | feature | on by default | what |
//! | --- | --- | --- |
//! | `host` | yes | `CachingEncryptionModule` |

mod transform;

mod keys;
mod ring;
mod secret_key;

mod binding;
mod sealed;
mod xaes;

mod config;
mod source;

mod error;

#[cfg(feature = "host")]
mod module;

pub use crate::config::{EncryptionConfig, KeyConfig, KeyPlace, KeyText, ScopeSecretConfig};
pub use crate::error::{
    EncryptionError, EncryptionErrors, KeysError, KeysErrors, OpenError, SealError, SecretKeyError,
};
pub use crate::keys::{KeyId, Keys, KeysBuilder};
pub use crate::ring::KeyRing;
pub use crate::secret_key::SecretKey;
pub use crate::source::{KeyFiles, Reloaded};
pub use crate::transform::PayloadEncryption;

#[cfg(feature = "host")]
pub use crate::module::CachingEncryptionModule;

// The guide's code is compiled and run with the documentation tests.
#[cfg(all(doctest, feature = "host"))]
#[doc = include_str!("../../../docs/guides/encryption.md")]
struct Guide;
