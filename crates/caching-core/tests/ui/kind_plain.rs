//! The kind of a key is that of plain text.

use caching_core::CacheKey;

#[derive(CacheKey)]
#[cache_key(kind = "plain", value = u32)]
struct Key {
    id: u32,
}

fn main() {}
