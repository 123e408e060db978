//! An argument is not part of the key.

use caching_core::{HybridCache, cached};

#[derive(Clone)]
struct Invoices {
    cache: HybridCache,
}

impl Invoices {
    #[cached(kind = "page", key = "{id}")]
    async fn page(&self, id: u64, page: u32) -> Result<u64, std::io::Error> {
        Ok(id + u64::from(page))
    }
}

fn main() {}
