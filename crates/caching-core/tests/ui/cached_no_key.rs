//! There is no key.

use caching_core::{HybridCache, cached};

#[derive(Clone)]
struct Invoices {
    cache: HybridCache,
}

impl Invoices {
    #[cached(kind = "page")]
    async fn page(&self, id: u64) -> Result<u64, std::io::Error> {
        Ok(id)
    }
}

fn main() {}
