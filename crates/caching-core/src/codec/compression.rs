//! Compression of payloads: [LZ4 blocks], or nothing without the feature `compression`.
//!
//! [LZ4 blocks]: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md

/// Whether this program has it.
pub(crate) const IS_BUILT: bool = cfg!(feature = "compression");

/// The payload as an LZ4 block, if that is shorter by more than `gain` bytes.
#[cfg(feature = "compression")]
pub(crate) fn compressed(plain: &[u8], gain: usize) -> Option<Vec<u8>> {
    let block = lz4_flex::block::compress(plain);
    (block.len() + gain < plain.len()).then_some(block)
}

/// The payload of a block that is said to be of this length, which the caller has compared with its
/// limit; nothing if it is not.
#[cfg(feature = "compression")]
pub(crate) fn decompressed(block: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut plain = vec![0; length];
    let written = lz4_flex::block::decompress_into(block, &mut plain).ok()?;
    (written == length).then_some(plain)
}

#[cfg(not(feature = "compression"))]
pub(crate) fn compressed(_: &[u8], _: usize) -> Option<Vec<u8>> {
    None
}

#[cfg(not(feature = "compression"))]
pub(crate) fn decompressed(_: &[u8], _: usize) -> Option<Vec<u8>> {
    None
}
