//! The value, the keys, and the order in which they are read: the same for every cache.

use std::sync::Arc;

use caching_core::CacheKey;
use hitbox_fn::prelude::CacheableResponse;
use serde::{Deserialize, Serialize};

/// How many keys there are to read.
pub(crate) const KEYS: u32 = 10_000;

/// How many reads a thread makes in one pass: about a millisecond, within which a busy machine mostly
/// leaves it alone.
const READS: usize = 8_192;

/// A value of 64 bytes.
#[derive(Clone, Debug, Serialize, Deserialize, CacheableResponse)]
pub(crate) struct Invoice {
    pub(crate) id: u32,
    text: [u8; 32],
    more: [u8; 28],
}

impl Invoice {
    pub(crate) fn new(id: u32) -> Self {
        Self {
            id,
            text: [7; 32],
            more: [7; 28],
        }
    }
}

/// The key as this framework wants it: typed, its text written at each call.
#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = Invoice, template = "{id}")]
pub(crate) struct InvoiceKey {
    pub(crate) id: u32,
}

/// The tags of an invoice, where a cache knows tags.
pub(crate) fn tags(id: u32) -> [String; 2] {
    [format!("customer:{}", id % 100), "invoices".to_owned()]
}

/// The key as the others want it.
pub(crate) fn text(id: u32) -> String {
    format!("invoice:{id}")
}

/// What one thread reads, in its order.
#[derive(Clone)]
pub(crate) struct Reads {
    ids: Vec<u32>,
    /// The text of each key, ready: the others are spared the writing of it.
    texts: Arc<[String]>,
}

impl Reads {
    /// Ids with a skew of 1 (Zipf).
    pub(crate) fn zipf(seed: u64) -> Self {
        Self::of(zipf(KEYS, 1.0, seed).take(READS).collect())
    }

    /// One id, over and over.
    pub(crate) fn hot() -> Self {
        Self::of(vec![7; READS])
    }

    fn of(ids: Vec<u32>) -> Self {
        Self {
            ids,
            texts: (0..KEYS).map(text).collect(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The keys by number.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> {
        self.ids.iter().copied()
    }

    /// The keys by text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &String> {
        self.ids.iter().map(|&id| &self.texts[id as usize])
    }
}

/// Numbers below `keys`, the one of rank n as likely as 1/n to the power of `skew`; without an end.
///
/// Ranks are spread over the numbers, so that hot keys are no neighbours.
pub(crate) fn zipf(keys: u32, skew: f64, seed: u64) -> impl Iterator<Item = u32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut numbers: Vec<u32> = (0..keys).collect();
    // Which key has which rank is the same for every seed: threads share what is hot.
    fastrand::Rng::with_seed(keys.into()).shuffle(&mut numbers);
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=keys)
        .map(|rank| {
            sum += f64::from(rank).powf(-skew);
            sum
        })
        .collect();
    std::iter::repeat_with(move || {
        let share = random.f64() * sum;
        let rank = sums.partition_point(|&sum| sum < share);
        numbers[rank.min(numbers.len() - 1)]
    })
}
