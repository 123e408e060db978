//! A cached function takes `&mut self`.

use caching_core::{HybridCache, cached};

#[derive(Clone)]
struct Invoices {
    cache: HybridCache,
}

impl Invoices {
    #[cached(kind = "page", key = "{id}")]
    async fn page(&mut self, id: u64) -> Result<u64, std::io::Error> {
        Ok(id)
    }
}

fn main() {}
