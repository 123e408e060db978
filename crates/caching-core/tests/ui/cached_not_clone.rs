//! `self` cannot be cloned into the factory.

use caching_core::{HybridCache, cached};

struct Held {
    cache: HybridCache,
}

impl Held {
    #[cached(kind = "page", key = "{id}")]
    async fn page(&self, id: u64) -> Result<u64, std::io::Error> {
        Ok(id)
    }
}

fn main() {}
