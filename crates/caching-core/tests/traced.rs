//! What is told of a cache through `tracing`: spans where work is done, and why a factory failed.
#![allow(
    clippy::unwrap_used,
    reason = "a failure in a helper is a failure of its test"
)]

mod support;

use std::fmt::{Debug, Write};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use caching_core::{HybridCache, MemoryStore, Plaintext};
use support::{MINUTE, cache};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

/// Everything that is told on this thread, a line each.
#[derive(Clone, Default)]
struct Told {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

impl Told {
    fn here() -> (Self, DefaultGuard) {
        let told = Self::default();
        let guard = tracing::subscriber::set_default(told.clone());
        (told, guard)
    }

    fn note(&self, mut line: String, values: impl FnOnce(&mut Line<'_>)) {
        values(&mut Line(&mut line));
        self.lines.lock().unwrap().push(line);
    }

    /// What was told since this was asked before.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Told {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("caching_core") && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let name = span.metadata().name().to_owned();
        self.note(name, |line| span.record(line));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        let level = event.metadata().level().to_string();
        self.note(level, |line| event.record(line));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

async fn load(cache: &HybridCache) -> u32 {
    let value = cache.get_or_set("secret-key", |_| async { Ok::<_, io::Error>(7_u32) });
    *value.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_load_and_each_call_of_the_store_have_a_span_and_a_hit_has_none() {
    let store = MemoryStore::new();
    let cache = HybridCache::builder()
        .default_key_prefix("traced")
        .l2(store.l2())
        .backplane(store.backplane())
        .plaintext(Plaintext::Allowed)
        .build()
        .unwrap();
    assert!(cache.start(MINUTE).await);
    let (told, _guard) = Told::here();

    load(&cache).await;
    let calls = |operation: &str| format!("cache.store store=\"memory\" operation=\"{operation}\"");
    let spans = told.take();
    assert_eq!(spans[0], "cache.load kind=\"plain\"", "{spans:?}");
    for operation in ["read", "claim", "fill"] {
        assert!(spans.contains(&calls(operation)), "{operation}: {spans:?}");
    }
    assert!(
        !spans.iter().any(|span| span.contains("secret")),
        "{spans:?}"
    );

    load(&cache).await;
    assert_eq!(told.take(), [""; 0]);

    cache.remove("secret-key").await.unwrap().accept_queued();
    assert_eq!(told.take(), [calls("invalidate")]);
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_loaded_together_have_one_span() {
    let (cache, (told, _guard)) = (cache(), Told::here());
    let found = cache
        .get_or_set_many(&["a", "b", "c"], |_, missing| async move {
            Ok::<_, io::Error>(
                missing
                    .into_iter()
                    .map(|key| (key, 1_u32))
                    .collect::<Vec<_>>(),
            )
        })
        .await;
    assert_eq!(found.unwrap().len(), 3);
    let spans = told.take();
    let together = spans
        .iter()
        .filter(|span| *span == "cache.load_many keys=3");
    assert_eq!(together.count(), 1, "{spans:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_of_a_kind_in_a_minute_is_a_warning_with_its_cause_and_without_its_key() {
    let (cache, (told, _guard)) = (cache(), Told::here());
    for key in ["secret-key", "another"] {
        let failed = cache.get_or_set(key, |_| async {
            Err::<u32, _>(io::Error::other("the database is away"))
        });
        assert!(failed.await.is_err());
    }
    let lines = told.take();
    let warnings: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("WARN"))
        .collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    assert!(
        warnings[0].contains("error=\"the database is away\""),
        "{warnings:?}"
    );
    assert!(warnings[0].contains("reason=\"plain\""), "{warnings:?}");
    assert!(!warnings[0].contains("secret"), "{warnings:?}");
}
