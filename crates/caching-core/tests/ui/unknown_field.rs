//! A template names a field that there is not.

use caching_core::CacheKey;

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = u32, template = "{number}")]
struct Key {
    id: u32,
}

fn main() {}
