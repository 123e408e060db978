//! What every handle of this crate promises: it can be sent, shared and cloned.

use caching_encryption::{
    EncryptionConfig, EncryptionErrors, KeyFiles, KeyId, KeyRing, Keys, KeysErrors, OpenError,
    PayloadEncryption, SealError, SecretKey, SecretKeyError,
};

const fn handle<T: Send + Sync + Clone + 'static>() {}
const fn shared<T: Send + Sync + 'static>() {}
const fn error<T: std::error::Error + Send + Sync + 'static>() {}

#[test]
fn handles_can_be_sent_shared_and_cloned() {
    handle::<PayloadEncryption>();
    handle::<KeyRing>();
    handle::<KeyFiles>();
    handle::<KeyId>();
    handle::<SecretKey>();
    handle::<EncryptionConfig>();
    shared::<Keys>();
}

#[test]
fn errors_can_be_boxed_and_sent() {
    error::<SealError>();
    error::<OpenError>();
    error::<SecretKeyError>();
    error::<KeysErrors>();
    error::<EncryptionErrors>();
}
