//! The numbers of the cache and of the event bus, looked up when somebody asks.

use caching_core::HybridCache;
use caching_events::EventBus;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

/// What the cache did.
#[derive(Debug)]
pub(super) struct CacheNumbers(pub(super) HybridCache);

impl Collector for CacheNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let stats = self.0.stats();
        for (name, help, value) in [
            (
                "cache_hits",
                "Reads answered with a fresh value",
                stats.hits,
            ),
            (
                "cache_stale_hits",
                "Reads answered with a stale value",
                stats.stale_hits,
            ),
            ("cache_misses", "Reads that found nothing", stats.misses),
            (
                "cache_joins",
                "Reads that waited for the load of another",
                stats.joins,
            ),
            (
                "cache_loads",
                "Loads that succeeded",
                stats.factory_successes,
            ),
            (
                "cache_load_failures",
                "Loads that failed",
                stats.factory_failures,
            ),
            (
                "cache_load_timeouts",
                "Loads that were given up",
                stats.factory_timeouts,
            ),
            ("cache_stores", "Values that were stored", stats.stores),
            (
                "cache_refused_stores",
                "Values that an invalidation overtook while they were loaded",
                stats.refused_stores,
            ),
            (
                "cache_invalidations",
                "Keys that were removed or expired",
                stats.invalidations,
            ),
            (
                "cache_purges",
                "Tags and scopes that were removed or expired",
                stats.purges,
            ),
        ] {
            count(&mut encoder, name, help, value)?;
        }
        gauge(
            &mut encoder,
            "cache_entries",
            "Entries in this process",
            stats.entries,
        )
    }
}

/// What the event bus did.
#[derive(Debug)]
pub(super) struct EventNumbers(pub(super) EventBus);

impl Collector for EventNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let stats = self.0.stats();
        for (name, help, value) in [
            (
                "events_published",
                "Events that were published",
                stats.published,
            ),
            (
                "events_silent_commits",
                "Units of work that committed without an event",
                stats.silent_commits,
            ),
        ] {
            count(&mut encoder, name, help, value)?;
        }
        let letters = self.0.dead_letters().len() as u64;
        gauge(
            &mut encoder,
            "events_dead_letters",
            "Handlers that were given up",
            letters,
        )
    }
}

fn count(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), std::fmt::Error> {
    let encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    ConstCounter::new(value).encode(encoder)
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), std::fmt::Error> {
    let encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value.cast_signed()).encode(encoder)
}
