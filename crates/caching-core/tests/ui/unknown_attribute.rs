//! An attribute that no key has.

use caching_core::CacheKey;

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = u32, ttl = "5m")]
struct Key {
    id: u32,
}

fn main() {}
