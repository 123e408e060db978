//! What encryption costs a payload of 2.7 KB, beside the bare cipher.
//!
//! Opening is on the way of every hit in the shared store, sealing on that of a value that is stored.

use std::hint::black_box;

use aes::Aes256Enc;
use aes::cipher::consts::U12;
use aes::cipher::{Array, KeyInit};
use aes_gcm::{AeadInOut, AesGcm};
use caching_core::{PayloadContext, PayloadTransform, ScopeId};
use caching_encryption::{KeyRing, Keys, PayloadEncryption, SecretKey};
use divan::Bencher;
use divan::counter::BytesCount;

/// An invoice of twenty lines, as JSON.
const PAYLOAD: usize = 2_716;

fn main() {
    divan::main();
}

fn payload() -> Vec<u8> {
    (0..PAYLOAD).map(|at| at as u8).collect()
}

fn encryption() -> PayloadEncryption {
    let key = SecretKey::generate().expect("the system has random bytes");
    let keys = Keys::builder().key("bench", key).build();
    PayloadEncryption::new(KeyRing::new(keys.expect("one key is a ring")))
}

fn context() -> PayloadContext<'static> {
    PayloadContext::new(
        b"invoice-api:t:united-kingdom:invoice:0198c9b2-5d0c-7cc1-a0ab-6c1d2c0f7a11",
        ScopeId::new(1),
        "t:united-kingdom",
        1,
        b"\x01json",
    )
}

/// What AES-256-GCM itself takes, with a key that is set up already.
#[divan::bench]
fn bare_cipher_seal(bencher: Bencher<'_, '_>) {
    let cipher = AesGcm::<Aes256Enc, U12>::new(&Array::from([1; 32]));
    let nonce = Array::from([2; 12]);
    let plain = payload();
    bencher.counter(BytesCount::new(PAYLOAD)).bench_local(|| {
        let mut message = Vec::with_capacity(PAYLOAD + 16);
        message.extend_from_slice(black_box(&plain));
        let tag = cipher
            .encrypt_inout_detached(&nonce, b"", message.as_mut_slice().into())
            .expect("it is short enough");
        message.extend_from_slice(&tag);
        message
    });
}

#[divan::bench]
fn bare_cipher_open(bencher: Bencher<'_, '_>) {
    let cipher = AesGcm::<Aes256Enc, U12>::new(&Array::from([1; 32]));
    let nonce = Array::from([2; 12]);
    let mut sealed = payload();
    let tag = cipher
        .encrypt_inout_detached(&nonce, b"", sealed.as_mut_slice().into())
        .expect("it is short enough");
    bencher.counter(BytesCount::new(PAYLOAD)).bench_local(|| {
        let mut message = black_box(&sealed).clone();
        cipher
            .decrypt_inout_detached(&nonce, b"", message.as_mut_slice().into(), &tag)
            .expect("it was sealed so");
        message
    });
}

#[divan::bench(threads = [1, 2])]
fn seal(bencher: Bencher<'_, '_>) {
    let (encryption, plain) = (encryption(), payload());
    bencher
        .counter(BytesCount::new(PAYLOAD))
        .bench(|| encryption.seal(&context(), black_box(&plain)));
}

#[divan::bench(threads = [1, 2])]
fn open(bencher: Bencher<'_, '_>) {
    let encryption = encryption();
    let sealed = encryption
        .seal(&context(), &payload())
        .expect("it is short enough");
    bencher
        .counter(BytesCount::new(PAYLOAD))
        .bench(|| encryption.open(&context(), black_box(&sealed)));
}

/// The part of sealing that the operating system does.
#[divan::bench]
fn nonce() -> [u8; 24] {
    let mut nonce = [0; 24];
    getrandom::fill(&mut nonce).expect("the system has random bytes");
    nonce
}

/// What a scope costs when it is met for the first time: its key is derived, and an empty payload sealed.
#[divan::bench]
fn seal_for_a_new_scope(bencher: Bencher<'_, '_>) {
    bencher
        .with_inputs(encryption)
        .bench_refs(|encryption| encryption.seal(&context(), b""));
}
