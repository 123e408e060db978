//! What a ciphertext is bound to, as bytes that can be read in one way only.

use caching_core::PayloadContext;

/// The record that a payload belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding<'a> {
    pub(crate) physical_key: &'a [u8],
    pub(crate) scope_text: &'a str,
    pub(crate) value_version: u32,
    pub(crate) header: &'a [u8],
}

impl<'a> From<&PayloadContext<'a>> for Binding<'a> {
    /// Without the number of the scope, which is another in every process.
    fn from(cx: &PayloadContext<'a>) -> Self {
        Self {
            physical_key: cx.physical_key,
            scope_text: cx.scope_text,
            value_version: cx.value_version,
            header: cx.header,
        }
    }
}

impl Binding<'_> {
    /// The additional data of the cipher: what stands before the nonce, then each part, with its length
    /// before it, so that nothing can be moved from one part into the next.
    pub(crate) fn additional_data(&self, preface: &[u8]) -> Vec<u8> {
        let version = self.value_version.to_be_bytes();
        let parts: [&[u8]; 5] = [
            preface,
            self.scope_text.as_bytes(),
            self.physical_key,
            &version,
            self.header,
        ];
        let length = parts.iter().map(|part| 8 + part.len()).sum();
        let mut bytes = Vec::with_capacity(length);
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}
