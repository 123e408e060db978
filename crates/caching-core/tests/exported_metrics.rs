//! What an exporter gets of a cache: as instruments of OpenTelemetry, and as text for Prometheus.

#![cfg(all(feature = "opentelemetry", feature = "prometheus"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on panics"
)]

use std::collections::BTreeMap;

use caching_core::{CacheCollector, HybridCache, MemoryStore, Metric, Reading};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

/// Collects at once what instruments give.
struct Collected {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Collected {
    fn new() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        Self { exporter, provider }
    }

    /// What stands now under each name and its attributes; of a histogram, how many there were.
    fn now(&self) -> BTreeMap<String, u64> {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let mut found = BTreeMap::new();
        for resource in self.exporter.get_finished_metrics().unwrap() {
            let scopes = resource.scope_metrics();
            for metric in scopes.flat_map(|scope| scope.metrics()) {
                for (attributes, number) in numbers(metric.data()) {
                    let name = format!("{} {} {attributes}", metric.name(), metric.unit());
                    assert!(found.insert(name, number).is_none());
                }
            }
        }
        found
    }
}

fn numbers(data: &AggregatedMetrics) -> Vec<(String, u64)> {
    match data {
        AggregatedMetrics::U64(MetricData::Sum(sum)) => {
            assert!(sum.is_monotonic());
            let points = sum.data_points();
            points
                .map(|at| (text(at.attributes()), at.value()))
                .collect()
        }
        AggregatedMetrics::U64(MetricData::Gauge(gauge)) => {
            let points = gauge.data_points();
            points
                .map(|at| (text(at.attributes()), at.value()))
                .collect()
        }
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
            let points = histogram.data_points();
            points
                .map(|at| (text(at.attributes()), at.count()))
                .collect()
        }
        other => panic!("no instrument of a cache is {other:?}"),
    }
}

fn text<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut texts: Vec<_> = attributes
        .map(|at| format!("{}={}", at.key, at.value))
        .collect();
    texts.sort();
    texts.join(",")
}

async fn load(cache: &HybridCache, key: &str) {
    cache
        .get_or_set(key, |_| async { Ok::<_, std::io::Error>(7_u64) })
        .await
        .unwrap();
}

fn sharing() -> HybridCache {
    let store = MemoryStore::new();
    HybridCache::builder()
        .default_key_prefix("shop")
        .l2(store.l2())
        .backplane(store.backplane())
        .build()
        .unwrap()
}

#[tokio::test]
async fn instruments_give_what_the_cache_counts_with_the_attributes_that_were_asked_for() {
    let collected = Collected::new();
    let cache = HybridCache::builder().build().unwrap();
    let meter = collected.provider.meter("test");
    cache.instrument(&meter, &[KeyValue::new("cache", "invoices")]);
    load(&cache, "a").await;
    load(&cache, "a").await;
    load(&cache, "b").await;
    let seen = collected.now();
    assert_eq!(seen.get("cache.hits 1 cache=invoices"), Some(&1));
    assert_eq!(seen.get("cache.misses 1 cache=invoices"), Some(&2));
    assert_eq!(seen.get("cache.entries 1 cache=invoices"), Some(&2));
    assert_eq!(seen.get("cache.load_duration s cache=invoices"), Some(&2));
    let is_of_a_store = |name: &&String| name.starts_with("cache.lease_left");
    assert!(!seen.keys().any(|name| is_of_a_store(&name)), "{seen:?}");
}

#[tokio::test]
async fn instruments_of_a_cache_with_a_store_tell_the_reasons_of_breaks_apart() {
    let collected = Collected::new();
    let cache = sharing();
    cache.instrument(&collected.provider.meter("test"), &[]);
    let seen = collected.now();
    for reason in ["epoch", "identity", "behind", "log"] {
        let name = format!("cache.breaks 1 reason={reason}");
        assert_eq!(seen.get(&name), Some(&0), "{seen:?}");
    }
    assert!(seen.contains_key("cache.lease_left ms "), "{seen:?}");
}

#[tokio::test]
async fn instruments_do_not_keep_a_cache_alive() {
    let collected = Collected::new();
    let cache = HybridCache::builder().build().unwrap();
    cache.instrument(&collected.provider.meter("test"), &[]);
    cache
        .set("a", String::from("kept"))
        .await
        .unwrap()
        .accept_queued();
    let value = cache.get::<_, String>("a").await.unwrap().unwrap();
    drop(cache);
    let seen = collected.now();
    assert!(
        !seen.keys().any(|name| name.starts_with("cache.hits")),
        "{seen:?}"
    );
    assert_eq!(
        std::sync::Arc::strong_count(&value),
        1,
        "its entries are gone"
    );
}

#[tokio::test]
async fn the_text_for_prometheus_has_every_number_once_and_its_type() {
    let cache = sharing();
    load(&cache, "a").await;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(CacheCollector::new(cache.clone())));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for metric in cache.metrics() {
        let line = line(&metric);
        let found = text.lines().filter(|at| at.starts_with(&line)).count();
        assert_eq!(found, 1, "{line}\n{text}");
    }
    assert_eq!(
        text.matches("# TYPE cache_breaks counter").count(),
        1,
        "{text}"
    );
    assert!(
        text.contains("# TYPE cache_lease_left_milliseconds gauge"),
        "{text}"
    );
    assert!(
        text.contains("cache_load_duration_seconds_bucket{le=\"+Inf\"} 1"),
        "{text}"
    );
}

/// How the line of a number begins.
fn line(metric: &Metric) -> String {
    let mut name = metric.name.to_owned();
    if let Some(unit) = metric.unit {
        name = format!("{name}_{unit}");
    }
    name.push_str(match metric.reading {
        Reading::Counter(_) => "_total",
        Reading::Histogram(_) => "_count",
        _ => "",
    });
    match metric.label {
        Some((key, value)) => format!("{name}{{{key}=\"{value}\"}} "),
        None => format!("{name} "),
    }
}
