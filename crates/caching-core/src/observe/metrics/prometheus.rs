//! The numbers of a cache for a registry of `prometheus-client`.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::Reading;
use crate::cache::HybridCache;
use crate::observe::durations::Durations;

/// Hands the [numbers of a cache](HybridCache::metrics) to a registry of `prometheus-client`, which writes
/// them in the text format of
/// [OpenMetrics](https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md).
///
/// ```
/// use caching_core::{CacheCollector, HybridCache};
/// use prometheus_client::{encoding::text::encode, registry::Registry};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = HybridCache::builder().build()?;
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(CacheCollector::new(cache.clone())));
///
/// cache.get_or_set("rate", |_| async { Ok::<_, std::io::Error>(1.25) }).await?;
/// let mut text = String::new();
/// encode(&mut text, &registry)?;
/// assert!(text.contains("cache_misses_total 1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CacheCollector(HybridCache);

impl CacheCollector {
    /// A collector of the numbers of this cache.
    #[must_use]
    pub fn new(cache: HybridCache) -> Self {
        Self(cache)
    }
}

impl Collector for CacheCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let metrics = self.0.metrics();
        for of_a_name in metrics.chunk_by(|one, next| one.name == next.name) {
            let Some(first) = of_a_name.first() else {
                continue;
            };
            let unit = first.unit.map(|unit| Unit::Other(unit.to_owned()));
            let kind = kind(&first.reading);
            let mut encoder =
                encoder.encode_descriptor(first.name, first.help, unit.as_ref(), kind)?;
            for metric in of_a_name {
                match metric.label {
                    Some(label) => {
                        encode_reading(&mut encoder.encode_family(&[label])?, &metric.reading)?;
                    }
                    None => encode_reading(&mut encoder, &metric.reading)?,
                }
            }
        }
        Ok(())
    }
}

fn kind(reading: &Reading) -> MetricType {
    match reading {
        Reading::Counter(_) => MetricType::Counter,
        Reading::Gauge(_) => MetricType::Gauge,
        Reading::Histogram(_) => MetricType::Histogram,
    }
}

fn encode_reading(encoder: &mut MetricEncoder<'_>, reading: &Reading) -> Result<(), fmt::Error> {
    match reading {
        Reading::Counter(count) => encoder.encode_counter::<NoLabelSet, _, u64>(count, None),
        Reading::Gauge(value) => encoder.encode_gauge(&value.cast_signed()),
        Reading::Histogram(durations) => {
            let sum = durations.sum.as_secs_f64();
            let buckets = buckets(durations);
            encoder.encode_histogram::<NoLabelSet>(sum, durations.count, &buckets, None)
        }
    }
}

/// Each bucket by itself, and one more for what lies beyond the last.
fn buckets(durations: &Durations) -> Vec<(f64, u64)> {
    let mut before = 0;
    let mut buckets: Vec<(f64, u64)> = Vec::with_capacity(durations.buckets.len() + 1);
    for (end, count) in &durations.buckets {
        buckets.push((end.as_secs_f64(), count.saturating_sub(before)));
        before = *count;
    }
    buckets.push((f64::INFINITY, durations.count.saturating_sub(before)));
    buckets
}
