//! XAES-256-GCM: AES-256-GCM with nonces long enough to be random.
//!
//! The specification is C2SP's, <https://c2sp.org/XAES-256-GCM>; names in brackets are its names.

use aes::cipher::consts::U12;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes::{Aes256Enc, Block};
use aes_gcm::{AeadInOut, AesGcm};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a key.
pub(crate) const KEY: usize = 32;
/// Bytes of a nonce.
pub(crate) const NONCE: usize = 24;
/// Bytes of a tag.
pub(crate) const TAG: usize = 16;

/// How many bytes of the nonce choose the key of a message; the rest is the nonce of AES-GCM.
const KEY_NONCE: usize = 12;

/// A key, ready to seal and open any number of messages.
pub(crate) struct Xaes256Gcm {
    /// Wiped by its own drop.
    aes: Aes256Enc,
    /// [K1], the sub-key of CMAC.
    k1: Zeroizing<[u8; 16]>,
}

/// The message is not what was sealed, or too long to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed;

impl Xaes256Gcm {
    pub(crate) fn new(key: &[u8; KEY]) -> Self {
        let aes = Aes256Enc::new(key.into());
        let mut l = Block::default();
        aes.encrypt_block(&mut l);
        let k1 = Zeroizing::new(double(u128::from_be_bytes(l.into())).to_be_bytes());
        l.zeroize();
        Self { aes, k1 }
    }

    /// Encrypts `message` where it is, and answers its tag.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE],
        additional: &[u8],
        message: &mut [u8],
    ) -> Result<[u8; TAG], Failed> {
        let (cipher, nonce) = self.of_message(nonce);
        let tag = cipher
            .encrypt_inout_detached(&nonce, additional, message.into())
            .map_err(|_| Failed)?;
        Ok(tag.into())
    }

    /// Decrypts `message` where it is, if the tag is right; otherwise it stays as it was.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE],
        additional: &[u8],
        message: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Failed> {
        let (cipher, nonce) = self.of_message(nonce);
        cipher
            .decrypt_inout_detached(&nonce, additional, message.into(), tag.into())
            .map_err(|_| Failed)
    }

    /// The cipher and the nonce of one message.
    fn of_message(&self, nonce: &[u8; NONCE]) -> (AesGcm<Aes256Enc, U12>, Array<u8, U12>) {
        let key = self.message_key(nonce);
        let mut short = Array::default();
        short.copy_from_slice(&nonce[KEY_NONCE..]);
        (AesGcm::new((&*key).into()), short)
    }

    /// [Kₓ]: CMAC in counter mode (NIST SP 800-108), whose every input is one block.
    fn message_key(&self, nonce: &[u8; NONCE]) -> Zeroizing<[u8; KEY]> {
        // [M1] and [M2], encrypted in one call: the processor works on both at a time.
        let mut blocks = [Block::default(); 2];
        for (counter, block) in (1..).zip(&mut blocks) {
            block[1] = counter;
            block[2] = b'X';
            block[4..].copy_from_slice(&nonce[..KEY_NONCE]);
            for (byte, mask) in block.iter_mut().zip(*self.k1) {
                *byte ^= mask;
            }
        }
        self.aes.encrypt_blocks(&mut blocks);
        let mut key = Zeroizing::new([0; KEY]);
        for (half, block) in key.chunks_exact_mut(16).zip(&mut blocks) {
            half.copy_from_slice(block);
            block.zeroize();
        }
        key
    }
}

/// Twice a number of GF(2¹²⁸), as CMAC defines it; without a branch on the secret.
const fn double(number: u128) -> u128 {
    (number << 1) ^ ((number >> 127) * 0b1000_0111)
}

#[cfg(test)]
mod tests;
