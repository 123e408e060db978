//! The kind of a key type is said again.

use caching_core::{CacheKey, HybridCache, cached};

#[derive(Clone)]
struct Invoices {
    cache: HybridCache,
}

#[derive(CacheKey)]
#[cache_key(kind = "page", value = u64)]
struct PageKey {
    id: u64,
}

impl Invoices {
    #[cached(kind = "page", key = PageKey { id })]
    async fn page(&self, id: u64) -> Result<u64, std::io::Error> {
        Ok(id)
    }
}

fn main() {}
