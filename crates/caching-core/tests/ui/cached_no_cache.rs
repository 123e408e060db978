//! A free function does not say where its cache is.

use caching_core::{cached};

#[cached(kind = "page", key = "{id}")]
async fn page(id: u64) -> Result<u64, std::io::Error> {
    Ok(id)
}

fn main() {}
