//! The numbers of the cache and of the event bus, looked up when somebody asks.

use caching_core::{Durations, HybridCache, SharedStatus, Stats};
use caching_events::EventBus;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet},
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
            (
                "cache_l2_hits",
                "Reads answered with a value of the shared store",
                stats.l2_hits,
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
        )?;
        let Some(status) = self.0.shared_status() else {
            return Ok(());
        };
        coherence(&mut encoder, &stats, &status)?;
        propagation(&mut encoder, &self.0.propagation())
    }
}

/// How current this process is with the store that it shares. What to alarm on stands in the guide
/// *Operating the cache*.
fn coherence(
    encoder: &mut DescriptorEncoder<'_>,
    stats: &Stats,
    status: &SharedStatus,
) -> Result<(), std::fmt::Error> {
    for (name, help, value) in [
        (
            "cache_l2_failures",
            "Calls to the shared store that failed or came too late",
            stats.l2_failures,
        ),
        (
            "cache_l2_unreadable",
            "Records of the shared store that could not be read",
            stats.l2_unreadable,
        ),
        (
            "cache_l2_unshared",
            "Values that could not be stored outside of the process",
            stats.l2_unshared,
        ),
        (
            "cache_notices_sent",
            "Invalidations that the shared store has applied for this process",
            stats.notices_sent,
        ),
        (
            "cache_notices_heard",
            "Notices of invalidations that came, own ones included",
            stats.notices,
        ),
        (
            "cache_notices_replayed",
            "Invalidations that were missed and replayed",
            stats.replays,
        ),
        (
            "cache_notice_gaps",
            "Notices that came with one missing before them",
            stats.gaps,
        ),
        (
            "cache_lease_lapses",
            "Times that what is kept could not be given for want of an answer",
            stats.lapses,
        ),
        (
            "cache_polls_failed",
            "Polls of the shared store that were not answered",
            stats.failed_polls,
        ),
        (
            "cache_queued",
            "Messages with invalidations that had to be queued",
            stats.queued,
        ),
        (
            "cache_resent",
            "Messages with queued invalidations that were sent after all",
            stats.resent,
        ),
    ] {
        count(encoder, name, help, value)?;
    }
    let mut breaks = encoder.encode_descriptor(
        "cache_breaks",
        "Times that what was missed could not be told, by reason",
        None,
        MetricType::Counter,
    )?;
    for (reason, value) in [
        ("epoch", stats.breaks_epoch),
        ("identity", stats.breaks_identity),
        ("behind", stats.breaks_behind),
        ("log", stats.breaks_log),
    ] {
        let labels = [("reason", reason)];
        ConstCounter::new(value).encode(breaks.encode_family(&labels)?)?;
    }
    let milliseconds = u64::try_from(status.lease_left.as_millis()).unwrap_or(u64::MAX);
    gauge(
        encoder,
        "cache_lease_left_milliseconds",
        "How long what is kept may be given without an answer of the shared store",
        milliseconds,
    )?;
    let bound = u64::try_from(status.bound.as_millis()).unwrap_or(u64::MAX);
    gauge(
        encoder,
        "cache_bound_milliseconds",
        "The bound on staleness that the deployment has agreed on",
        bound,
    )?;
    gauge(
        encoder,
        "cache_store_answering",
        "1 while polls of the shared store are answered, else 0",
        u64::from(status.is_answering),
    )?;
    gauge(
        encoder,
        "cache_notices_hearing",
        "1 while notices of other processes are heard as they come, else 0",
        u64::from(status.is_hearing),
    )?;
    gauge(
        encoder,
        "cache_queue_length",
        "Invalidations that wait to be sent",
        status.queued as u64,
    )
}

fn propagation(
    encoder: &mut DescriptorEncoder<'_>,
    propagation: &Durations,
) -> Result<(), std::fmt::Error> {
    let mut before = 0;
    let mut buckets: Vec<(f64, u64)> = Vec::new();
    for (end, count) in &propagation.buckets {
        buckets.push((end.as_secs_f64(), count - before));
        before = *count;
    }
    buckets.push((f64::MAX, propagation.count - before));
    let mut encoder = encoder.encode_descriptor(
        "cache_propagation_seconds",
        "From when an invalidation was sent to when its notice was heard",
        None,
        MetricType::Histogram,
    )?;
    let sum = propagation.sum.as_secs_f64();
    encoder.encode_histogram::<NoLabelSet>(sum, propagation.count, &buckets, None)
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
