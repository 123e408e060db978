//! A key has no kind.

use caching_core::CacheKey;

#[derive(CacheKey)]
#[cache_key(value = u32)]
struct Key {
    id: u32,
}

fn main() {}
