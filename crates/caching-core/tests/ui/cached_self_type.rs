//! The type of the value is written as `Self`.

use caching_core::{HybridCache, cached};

#[derive(Clone)]
struct Invoices {
    cache: HybridCache,
}

impl Invoices {
    #[cached(kind = "page", key = "{id}")]
    async fn page(&self, id: u64) -> Result<Self, std::io::Error> {
        drop(id); Ok(self.clone())
    }
}

fn main() {}
