//! The key names what is no argument.

use caching_core::{HybridCache, cached};

#[derive(Clone)]
struct Invoices {
    cache: HybridCache,
}

impl Invoices {
    #[cached(kind = "page", key = "{number}", skip(id))]
    async fn page(&self, id: u64) -> Result<u64, std::io::Error> {
        Ok(id)
    }
}

fn main() {}
