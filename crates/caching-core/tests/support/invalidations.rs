//! Everything that invalidates a key, so that no test forgets one.

use caching_core::{Batch, CacheValue, HybridCache, Invalidated};

/// Everything that invalidates `key`, which carries the tag `red`.
pub const INVALIDATIONS: [&str; 9] = [
    "remove",
    "expire",
    "remove tag",
    "expire tag",
    "clear",
    "expire all",
    "clear all scopes",
    "batch",
    "set",
];

/// Invalidates `key`; `set` puts this value.
pub async fn invalidated<V: CacheValue>(cache: &HybridCache, how: &str, value: V) -> Invalidated {
    match how {
        "remove" => cache.remove("key").await,
        "expire" => cache.expire("key").await,
        "remove tag" => cache.remove_by_tag("red").await,
        "expire tag" => cache.expire_by_tag("red").await,
        "clear" => cache.clear().await,
        "expire all" => cache.expire_all().await,
        "clear all scopes" => cache.clear_all_scopes().await,
        "batch" => {
            cache
                .invalidate(Batch::new().remove("other").remove("key"))
                .await
        }
        _ => cache.set("key", value).tags(["red"]).await,
    }
    .unwrap()
}
