//! A cached function gives no `Result`.

use caching_core::{HybridCache, cached};

#[derive(Clone)]
struct Invoices {
    cache: HybridCache,
}

impl Invoices {
    #[cached(kind = "page", key = "{id}")]
    async fn page(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
