//! A kind that configuration could not name.

use caching_core::CacheKey;

#[derive(CacheKey)]
#[cache_key(kind = "Invoice-Line", value = u32)]
struct Key {
    id: u32,
}

fn main() {}
