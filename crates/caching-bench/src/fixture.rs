//! What is cached, and the cache that caches it.

use std::time::Duration;

use caching_core::{CacheConfig, CacheKey, HybridCache, Plaintext};
use caching_encryption::{EncryptionConfig, KeyFiles, PayloadEncryption};
use caching_redis::{RedisConfig, RedisLink};
use serde::{Deserialize, Serialize};

use crate::Result;

/// How many keys each caller has.
pub(crate) const KEYS: u64 = 32;

/// An invoice of 20 lines: 2.6 KB as JSON.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Invoice {
    number: u64,
    customer: String,
    lines: Vec<Line>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    sku: String,
    description: String,
    quantity: i64,
    unit_price: String,
    note: String,
}

impl Invoice {
    pub(crate) fn new(number: u64) -> Self {
        let line = |n: u64| Line {
            sku: format!("SKU-{:05}", number * 31 + n),
            description: format!("white hanging heart t-light holder {n}"),
            quantity: 6,
            unit_price: format!("{}.{:02}", n + 2, number % 100),
            note: "as ordered".to_owned(),
        };
        Self {
            number,
            customer: format!("customer {}", number % 97),
            lines: (0..20).map(line).collect(),
        }
    }
}

#[derive(CacheKey)]
#[cache_key(kind = "bench_invoice", value = Invoice, template = "{caller}:{number}")]
pub(crate) struct InvoiceKey {
    pub(crate) caller: u64,
    pub(crate) number: u64,
}

/// What a flag or a counter would be.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Small {
    number: u64,
    text: String,
}

impl Small {
    pub(crate) fn new(number: u64) -> Self {
        Self {
            number,
            text: "a value of some forty bytes, as it were".to_owned(),
        }
    }
}

#[derive(Clone, CacheKey)]
#[cache_key(kind = "bench_small", value = Small, template = "{caller}:{number}")]
pub(crate) struct SmallKey {
    pub(crate) caller: u64,
    pub(crate) number: u64,
}

/// A cache on the server. With `l1` off, every read is one of the shared level.
pub(crate) async fn cache(
    url: &str,
    prefix: &str,
    l1: bool,
    encrypted: bool,
) -> Result<HybridCache> {
    let l1_duration = if l1 { "off" } else { "0s" };
    let config: CacheConfig = toml::from_str(&format!(
        "key_prefix = '{prefix}'\ncompress_above = 'off'\n[defaults]\nl1_duration = '{l1_duration}'\neager_refresh = 'off'\nduration = '1h'"
    ))?;
    let link = RedisLink::from_config(&RedisConfig::new(url))?;
    let mut builder = HybridCache::builder()
        .config(config)
        .plaintext(Plaintext::Allowed)
        .l2(link.l2())
        .backplane(link.backplane());
    if encrypted {
        let config: EncryptionConfig =
            toml::from_str("key = 'q0hXJlhVqyfHb1xPeSM0n6pVUXvVKQYtrxLFLrWPf6k='")?;
        let files = KeyFiles::read(&config)?;
        builder = builder.payload_transform(PayloadEncryption::new(files.ring().clone()));
    }
    let cache = builder.build()?;
    if cache.start(Duration::from_secs(5)).await {
        Ok(cache)
    } else {
        Err("the server does not answer".into())
    }
}
