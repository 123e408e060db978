//! A separator may also stand inside a field.

use caching_core::CacheKey;

#[derive(CacheKey)]
#[cache_key(kind = "page", value = u32, template = "{customer}-{page}")]
struct Key {
    customer: u32,
    page: u32,
}

fn main() {}
