//! `#[cached]`: functions whose answers are kept, and how they are called, invalidated and told apart.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use caching_core::{CacheError, CacheKey, FactoryContext, HybridCache, cached};
use serde::{Deserialize, Serialize};
use support::{MINUTE, SECOND, broken, configured, pass, settle};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Invoice {
    id: u64,
    note: String,
}

#[derive(CacheKey)]
#[cache_key(kind = "own_invoice", value = Invoice, template = "{id}")]
struct OwnKey {
    id: u64,
}

/// Invoices and how often each function ran.
#[derive(Clone)]
struct Invoices {
    cache: HybridCache,
    runs: Arc<AtomicUsize>,
}

impl Invoices {
    fn new() -> Self {
        Self {
            cache: support::cache(),
            runs: Arc::default(),
        }
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    fn run(&self) {
        self.runs.fetch_add(1, Ordering::SeqCst);
    }

    /// One invoice.
    #[cached(kind = "cached_invoice", key = "{id}", tags = ["cached_invoices", "invoice:{id}"])]
    async fn invoice(&self, id: u64) -> Result<Invoice, io::Error> {
        self.run();
        let note = format!("{id}");
        Ok(Invoice { id, note })
    }

    #[cached(kind = "note", key = "{customer}/{word}/{page}")]
    async fn notes(&self, customer: &str, word: String, page: &u32) -> io::Result<Vec<String>> {
        self.run();
        Ok(vec![customer.to_owned(), word, page.to_string()])
    }

    #[cached(kind = "perhaps", key = "{id}")]
    async fn perhaps(&self, id: u64) -> Result<Option<Invoice>, io::Error> {
        self.run();
        let note = String::new();
        Ok((id != 0).then_some(Invoice { id, note }))
    }

    #[cached(key = OwnKey { id })]
    async fn own(&self, id: u64) -> Result<Invoice, io::Error> {
        self.run();
        let note = "own".to_owned();
        Ok(Invoice { id, note })
    }

    #[cached(kind = "traced", key = "all", skip(trace))]
    async fn all(&self, trace: &str) -> Result<usize, io::Error> {
        self.run();
        Ok(trace.len())
    }

    #[cached(kind = "failing", key = "all")]
    async fn failing(&self) -> Result<u32, io::Error> {
        self.run();
        Err(broken())
    }

    #[cached(kind = "briefly", key = "{id}")]
    async fn briefly(&self, id: u64, mut cx: FactoryContext) -> Result<u64, io::Error> {
        self.run();
        cx.set_duration(SECOND);
        cx.add_tag("brief");
        Ok(id)
    }
}

/// A service behind an `Arc`, which cannot be cloned itself.
struct Held {
    cache: HybridCache,
    runs: AtomicUsize,
}

impl Held {
    #[cached(kind = "held", key = "{id}")]
    async fn twice(self: &Arc<Self>, id: u64) -> Result<u64, io::Error> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        Ok(2 * id)
    }

    #[cached(kind = "held_by_value", key = "{id}")]
    async fn thrice(self: Arc<Self>, id: u64) -> Result<u64, io::Error> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        Ok(3 * id)
    }
}

#[cached(kind = "rate", key = "{currency}", cache = cache)]
async fn rate(cache: &HybridCache, currency: &str) -> Result<usize, io::Error> {
    Ok(currency.len())
}

#[tokio::test(start_paused = true)]
async fn a_cached_method_runs_once_for_equal_arguments() {
    let invoices = Invoices::new();
    let first: Arc<Invoice> = invoices.invoice(7).await.unwrap();
    let second = invoices.invoice(7).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(invoices.runs(), 1);
    assert_eq!(invoices.invoice(8).await.unwrap().id, 8);
    assert_eq!(invoices.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn many_callers_of_a_cached_method_run_it_once() {
    let invoices = Invoices::new();
    let calls = (0..100).map(|_| {
        let invoices = invoices.clone();
        tokio::spawn(async move { invoices.invoice(7).await.map(drop) })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(invoices.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_key_of_a_cached_method_invalidates_what_it_keeps() {
    let invoices = Invoices::new();
    invoices.invoice(7).await.unwrap();
    invoices.invoice(8).await.unwrap();
    let removed = invoices.cache.remove(&Invoices::invoice_key(7)).await;
    removed.unwrap().accept_queued();
    invoices.invoice(8).await.unwrap();
    assert_eq!(invoices.runs(), 2);
    invoices.invoice(7).await.unwrap();
    assert_eq!(invoices.runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_a_cached_method_invalidate_what_it_keeps() {
    for tag in ["cached_invoices", "invoice:7"] {
        let invoices = Invoices::new();
        invoices.invoice(7).await.unwrap();
        invoices
            .cache
            .remove_by_tag(tag)
            .await
            .unwrap()
            .accept_queued();
        invoices.invoice(7).await.unwrap();
        assert_eq!(invoices.runs(), 2, "{tag}");
    }
}

#[tokio::test(start_paused = true)]
async fn arguments_are_escaped_so_that_no_two_calls_share_a_key() {
    let invoices = Invoices::new();
    for (customer, word) in [("a/b", "c"), ("a", "b/c"), ("a%2Fb", "c")] {
        let notes = invoices.notes(customer, word.to_owned(), &1).await.unwrap();
        assert_eq!(**notes, [customer, word, "1"]);
    }
    assert_eq!(invoices.runs(), 3);
    let key = Invoices::notes_key("a", "b/c".to_owned(), &1);
    let kept = invoices.cache.peek(&key).unwrap();
    assert_eq!(**kept.unwrap(), ["a", "b/c", "1"]);
}

#[tokio::test(start_paused = true)]
async fn none_of_a_cached_method_is_kept_for_its_own_duration() {
    let invoices = Invoices::new();
    assert!(invoices.perhaps(0).await.unwrap().is_none());
    assert!(invoices.perhaps(0).await.unwrap().is_none());
    assert_eq!(invoices.runs(), 1);
    assert_eq!(invoices.perhaps(1).await.unwrap().unwrap().id, 1);
    pass(30 * SECOND).await;
    invoices.perhaps(0).await.unwrap();
    invoices.perhaps(1).await.unwrap();
    assert_eq!(invoices.runs(), 3, "only the none has ended");
}

#[tokio::test(start_paused = true)]
async fn a_cached_method_may_use_a_key_of_a_type_that_is_there() {
    let invoices = Invoices::new();
    let set = Invoice {
        id: 7,
        note: "set".to_owned(),
    };
    let cache = &invoices.cache;
    cache
        .set(&OwnKey { id: 7 }, set.clone())
        .await
        .unwrap()
        .accept_queued();
    assert_eq!(*invoices.own(7).await.unwrap(), set);
    assert_eq!(invoices.own(8).await.unwrap().note, "own");
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_makes_no_difference_is_left_out_of_the_key() {
    let invoices = Invoices::new();
    assert_eq!(*invoices.all("four").await.unwrap(), 4);
    assert_eq!(*invoices.all("seventeen").await.unwrap(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_error_of_a_cached_method_is_that_of_the_cache_and_not_kept() {
    let invoices = Invoices::new();
    for _ in 0..2 {
        let error = invoices.failing().await.unwrap_err();
        assert!(matches!(error, CacheError::Factory { .. }), "{error}");
    }
    assert_eq!(invoices.runs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cached_method_may_ask_for_the_context_of_its_load() {
    let invoices = Invoices::new();
    assert_eq!(*invoices.briefly(7).await.unwrap(), 7);
    pass(SECOND).await;
    invoices.briefly(7).await.unwrap();
    assert_eq!(invoices.runs(), 2, "its duration is what it said");
    invoices
        .cache
        .remove_by_tag("brief")
        .await
        .unwrap()
        .accept_queued();
    invoices.briefly(7).await.unwrap();
    assert_eq!(invoices.runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_service_behind_an_arc_has_cached_methods_too() {
    let held = Arc::new(Held {
        cache: support::cache(),
        runs: AtomicUsize::new(0),
    });
    for _ in 0..2 {
        assert_eq!(*held.twice(4).await.unwrap(), 8);
        assert_eq!(*Arc::clone(&held).thrice(4).await.unwrap(), 12);
    }
    assert_eq!(held.runs.load(Ordering::SeqCst), 2);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test(start_paused = true)]
async fn a_free_function_says_where_its_cache_is() {
    let cache = support::cache();
    assert_eq!(*rate(&cache, "euro").await.unwrap(), 4);
    assert_eq!(
        **cache.peek(&rate_key("euro")).unwrap().as_ref().unwrap(),
        4
    );
    assert_eq!(rate_uncached(&cache, "dollar").await.unwrap(), 6);
    assert!(cache.peek(&rate_key("dollar")).unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_kind_of_a_cached_method_picks_its_profile() {
    let cache = configured("profiles.cached_invoice.duration = '1m'");
    let invoices = Invoices {
        cache,
        runs: Arc::default(),
    };
    invoices.invoice(7).await.unwrap();
    invoices.own(7).await.unwrap();
    pass(MINUTE).await;
    invoices.invoice(7).await.unwrap();
    invoices.own(7).await.unwrap();
    assert_eq!(invoices.runs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_cached_method_goes_on_when_its_caller_has_the_stale_value() {
    let invoices = Invoices::new();
    invoices.invoice(7).await.unwrap();
    pass(4 * MINUTE).await;
    invoices.invoice(7).await.unwrap();
    settle().await;
    assert_eq!(invoices.runs(), 2, "refreshed early, behind its caller");
}
