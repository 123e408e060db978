//! A key has a generic parameter.

use caching_core::CacheKey;

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = u32)]
struct Key<T> {
    id: T,
}

fn main() {}
