//! The numbers of a cache as instruments of OpenTelemetry.

use std::sync::{Arc, Weak};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

use super::table::{Row, TABLE};
use super::{Found, Seen};
use crate::cache::HybridCache;
use crate::flow::Engine;
use crate::observe::durations::Durations;

impl HybridCache {
    /// Makes the [numbers of this cache](HybridCache::metrics) instruments of a meter.
    ///
    /// Counters and gauges are observed: they are read when the SDK collects, and cost a hit nothing. How
    /// long loads and propagation take goes into histograms as it happens. Names are those of
    /// [`metrics`](HybridCache::metrics) with a dot behind `cache`, such as `cache.hits` and
    /// `cache.load_duration`; units are those of UCUM. All carry the attributes that are given here: the name of the
    /// cache, say, where there are several.
    ///
    /// The instruments do not keep the cache alive, and fall silent once it is gone. To be called once a cache
    /// and meter: what is instrumented twice is counted twice.
    ///
    /// ```
    /// use caching_core::HybridCache;
    /// use opentelemetry::{KeyValue, global};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache = HybridCache::builder().build()?;
    /// cache.instrument(&global::meter("shop"), &[KeyValue::new("cache", "invoices")]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn instrument(&self, meter: &Meter, attributes: &[KeyValue]) {
        let seen = Seen::of(&self.engine);
        for rows in TABLE.chunk_by(|one, next| one.name == next.name) {
            let Some((row, found)) = rows.first().and_then(|row| Some((row, (row.read)(&seen)?)))
            else {
                continue;
            };
            let observed = Observed {
                engine: Arc::downgrade(&self.engine),
                rows,
                attributes: attributes.to_vec(),
            };
            // An instrument is its meter's: nobody has to keep what `build` gives.
            match found {
                Found::Counter(_) => drop(
                    meter
                        .u64_observable_counter(name(row))
                        .with_description(row.help)
                        .with_unit(unit(row))
                        .with_callback(move |to| observed.tell(|n, with| to.observe(n, with)))
                        .build(),
                ),
                Found::Gauge(_) => drop(
                    meter
                        .u64_observable_gauge(name(row))
                        .with_description(row.help)
                        .with_unit(unit(row))
                        .with_callback(move |to| observed.tell(|n, with| to.observe(n, with)))
                        .build(),
                ),
                Found::Measured(measured) => {
                    let histogram = histogram(meter, row, &measured.snapshot());
                    let attributes = observed.attributes;
                    measured.listen(Box::new(move |took| {
                        histogram.record(took.as_secs_f64(), &attributes);
                    }));
                }
            }
        }
    }
}

/// Rows of one name, for as long as their cache lives.
struct Observed {
    engine: Weak<Engine>,
    rows: &'static [Row],
    attributes: Vec<KeyValue>,
}

impl Observed {
    fn tell(&self, observe: impl Fn(u64, &[KeyValue])) {
        let Some(engine) = self.engine.upgrade() else {
            return;
        };
        let seen = Seen::of(&engine);
        for row in self.rows {
            let Some(Found::Counter(number) | Found::Gauge(number)) = (row.read)(&seen) else {
                continue;
            };
            match row.label {
                None => observe(number, &self.attributes),
                Some((key, value)) => {
                    let mut attributes = self.attributes.clone();
                    attributes.push(KeyValue::new(key, value));
                    observe(number, &attributes);
                }
            }
        }
    }
}

/// A histogram with the buckets that the cache has itself.
fn histogram(meter: &Meter, row: &Row, durations: &Durations) -> Histogram<f64> {
    let ends = durations.buckets.iter();
    meter
        .f64_histogram(name(row))
        .with_description(row.help)
        .with_unit(unit(row))
        .with_boundaries(ends.map(|(end, _)| end.as_secs_f64()).collect())
        .build()
}

/// `cache.hits` for `cache_hits`.
fn name(row: &Row) -> String {
    row.name.replacen('_', ".", 1)
}

/// As the [Unified Code for Units of Measure](https://ucum.org) has it; `1` is a number of things.
fn unit(row: &Row) -> &'static str {
    match row.unit {
        Some("seconds") => "s",
        Some("milliseconds") => "ms",
        Some(other) => other,
        None => "1",
    }
}
