//! A field is not part of the template.

use caching_core::CacheKey;

#[derive(CacheKey)]
#[cache_key(kind = "page", value = u32, template = "{customer}")]
struct Key {
    customer: u32,
    page: u32,
}

fn main() {}
