//! An argument is not part of a key that is written out.

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
    #[cached(key = PageKey { id })]
    async fn page(&self, id: u64, page: u32) -> Result<u64, std::io::Error> {
        Ok(id + u64::from(page))
    }
}

fn main() {}
