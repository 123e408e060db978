//! The numbers of a cache as an exporter wants them: each with a name, a meaning and a kind.

#[cfg(feature = "opentelemetry")]
mod opentelemetry;
#[cfg(feature = "prometheus")]
mod prometheus;
mod table;

#[cfg(feature = "prometheus")]
pub use self::prometheus::CacheCollector;

use self::table::{Row, TABLE};
use crate::cache::HybridCache;
use crate::flow::Engine;
use crate::observe::durations::{Durations, Measured};
use crate::observe::{SharedStatus, Stats};

/// One number of a cache, for an exporter.
///
/// `docs/reference/metrics.md` says of each what is healthy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, without the suffix that a format adds for its kind and unit: `cache_hits`.
    pub name: &'static str,
    /// What it counts, in a few words.
    pub help: &'static str,
    /// The unit that it is counted in, such as `milliseconds`; nothing for a number of things.
    pub unit: Option<&'static str>,
    /// What tells it from others of its name, such as `reason` and `epoch`.
    pub label: Option<(&'static str, &'static str)>,
    /// What it is now.
    pub reading: Reading,
}

/// What a number is now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// It only grows, from 0 at the start of the cache.
    Counter(u64),
    /// It goes up and down.
    Gauge(u64),
    /// How long something took, time after time.
    Histogram(Durations),
}

/// What a row of the table found.
enum Found<'a> {
    Counter(u64),
    Gauge(u64),
    Measured(&'a dyn Measured),
}

/// What all numbers are read from, looked at once.
struct Seen<'a> {
    engine: &'a Engine,
    stats: Stats,
    status: Option<SharedStatus>,
}

impl<'a> Seen<'a> {
    fn of(engine: &'a Engine) -> Self {
        Self {
            engine,
            stats: engine.stats(),
            status: engine.shared_status(),
        }
    }

    fn metric(&self, row: &Row) -> Option<Metric> {
        let reading = match (row.read)(self)? {
            Found::Counter(count) => Reading::Counter(count),
            Found::Gauge(value) => Reading::Gauge(value),
            Found::Measured(measured) => Reading::Histogram(measured.snapshot()),
        };
        Some(Metric {
            name: row.name,
            help: row.help,
            unit: row.unit,
            label: row.label,
            reading,
        })
    }
}

impl HybridCache {
    /// All numbers of the cache, named for an exporter; those of a name stand together. Numbers of the
    /// shared store are among them where there is one.
    ///
    /// It costs hits nothing: what is counted is only read here. With the feature `prometheus`,
    /// `CacheCollector` hands them to a registry of `prometheus-client`; with `opentelemetry`,
    /// `HybridCache::instrument` makes them instruments.
    ///
    /// ```
    /// # use caching_core::{HybridCache, Reading};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = HybridCache::builder().build()?;
    /// cache.get_or_set("rate", |_| async { Ok::<_, std::io::Error>(1.25) }).await?;
    /// let metrics = cache.metrics();
    /// let misses = metrics.iter().find(|metric| metric.name == "cache_misses");
    /// assert_eq!(misses.map(|metric| &metric.reading), Some(&Reading::Counter(1)));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Vec<Metric> {
        let seen = Seen::of(&self.engine);
        TABLE.iter().filter_map(|row| seen.metric(row)).collect()
    }
}
