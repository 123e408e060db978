//! The numbers of the event bus, looked up when somebody asks.

use caching_events::EventBus;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};

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
