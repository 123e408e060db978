//! Invalidations of a cache that fails on purpose.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use caching_core::{
    Batch, BoxFuture, CacheError, CacheKey, HybridCache, Invalidated, Scope, SharedScope, Tag,
    TokioClock,
};
use tokio::time::Instant;

use crate as caching_events;
use crate::bus::EventBus;
use crate::cache::InvalidationTarget;
use crate::services::HandlerServices;
use crate::{DomainEvent, invalidates};

#[derive(CacheKey)]
#[cache_key(kind = "invoice", value = String, template = "{id}")]
struct InvoiceKey {
    id: u64,
}

#[derive(CacheKey)]
#[cache_key(kind = "customer", value = String, template = "{id}")]
struct CustomerKey {
    id: u64,
}

#[derive(DomainEvent)]
#[event(name = "invoice.paid", crate = caching_events)]
struct InvoicePaid {
    id: u64,
}

#[invalidates(
    manual,
    key = InvoiceKey { id: event.id },
    tag = Tag::of("customer", &17),
    crate = caching_events
)]
fn invoice_paid(event: &InvoicePaid) {}

/// What the double answers instead of asking the cache.
#[derive(Clone, Copy)]
enum Fault {
    /// A failure that may pass.
    Away,
    /// A failure that stays.
    Stopped,
    /// Kept by the cache until it can.
    Queued,
    /// No answer at all.
    Hang,
}

/// A cache with faults in front of it, one for each call while there are any.
#[derive(Clone)]
struct Faulty {
    cache: HybridCache,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    calls: Arc<Mutex<Vec<Instant>>>,
}

impl Faulty {
    fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        listen();
        let cache = HybridCache::builder().clock(TokioClock::new()).build();
        Self {
            cache: cache.unwrap(),
            faults: Arc::new(Mutex::new(faults.into_iter().collect())),
            calls: Arc::default(),
        }
    }

    fn bus(&self, config: &str) -> EventBus {
        EventBus::builder()
            .handler(invoice_paid::HANDLER)
            .config(toml::from_str(config).unwrap())
            .build_on(
                Box::new(self.clone()),
                Arc::new(SharedScope),
                HandlerServices::default(),
            )
            .unwrap()
    }

    async fn fill(&self) {
        for id in [7, 8] {
            let set = self.cache.set(&InvoiceKey { id }, "open".to_owned()).await;
            set.unwrap().accept_queued();
        }
        let set = self
            .cache
            .set(&CustomerKey { id: 17 }, "ann".to_owned())
            .tags([Tag::of("customer", &17)])
            .await;
        set.unwrap().accept_queued();
        let set = self
            .cache
            .set(&CustomerKey { id: 18 }, "bob".to_owned())
            .await;
        set.unwrap().accept_queued();
    }

    /// What is there: invoices 7 and 8, customers 17 and 18.
    fn kept(&self) -> [bool; 4] {
        let invoice = |id| self.cache.peek(&InvoiceKey { id }).unwrap().is_some();
        let customer = |id| self.cache.peek(&CustomerKey { id }).unwrap().is_some();
        [invoice(7), invoice(8), customer(17), customer(18)]
    }

    fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

impl InvalidationTarget for Faulty {
    fn invalidate(
        &self,
        scope: Scope,
        batch: Batch,
    ) -> BoxFuture<'static, Result<Invalidated, CacheError>> {
        self.calls.lock().unwrap().push(Instant::now());
        match self.faults.lock().unwrap().pop_front() {
            Some(Fault::Away) => Box::pin(async { Err(CacheError::NoRuntime) }),
            Some(Fault::Stopped) => Box::pin(async { Err(CacheError::Stopped) }),
            Some(Fault::Queued) => Box::pin(async { Ok(Invalidated::Queued) }),
            Some(Fault::Hang) => Box::pin(std::future::pending()),
            None => InvalidationTarget::invalidate(&self.cache, scope, batch),
        }
    }

    fn clear(&self, scope: Scope) -> BoxFuture<'static, Result<Invalidated, CacheError>> {
        InvalidationTarget::clear(&self.cache, scope)
    }
}

thread_local! {
    /// What was logged on this thread, which is that of one test.
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Listens on every thread from before the first log line on: one that is logged before anyone listens
/// may be switched off for good.
fn listen() {
    static LISTENING: Once = Once::new();
    LISTENING.call_once(|| {
        tracing_subscriber::fmt()
            .with_writer(|| Log)
            .with_ansi(false)
            .init();
    });
}

fn logged() -> String {
    LOGGED.with_borrow(|logged| String::from_utf8(logged.clone()).unwrap())
}

/// Writes to [`LOGGED`].
struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_invalidation_is_tried_again_behind_publish() {
    let cache = Faulty::new([Fault::Away, Fault::Away]);
    cache.fill().await;
    let bus = cache.bus("");

    let published = bus.publish(InvoicePaid { id: 7 }).await.unwrap();

    assert_eq!((published.applied, published.failed), (0, 1));
    assert_eq!((cache.calls(), cache.kept()), (1, [true; 4]));
    bus.idle().await;
    assert_eq!(cache.calls(), 3);
    assert_eq!(cache.kept(), [false, true, false, true]);
    assert!(bus.dead_letters().is_empty());
    let stats = bus.stats();
    assert_eq!((stats.invalidations_failed, stats.retries), (2, 2));
    assert_eq!((stats.invalidations_applied, stats.fallbacks), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_that_the_cache_keeps_is_not_tried_again_by_the_bus() {
    let cache = Faulty::new([Fault::Queued]);
    let bus = cache.bus("");
    let published = bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;
    assert_eq!((published.queued, cache.calls()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn publish_does_not_wait_for_a_cache_that_hangs_past_the_limit() {
    let cache = Faulty::new([Fault::Hang]);
    let bus = cache.bus("try_limit = '1s'");
    let began = Instant::now();
    let published = bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    assert_eq!(published.failed, 1);
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    bus.idle().await;
    assert_eq!(bus.stats().invalidations_applied, 1);
}

#[tokio::test(start_paused = true)]
async fn a_given_up_invalidation_is_loud_and_clears_its_kinds_and_tags() {
    let cache = Faulty::new([Fault::Away, Fault::Away]);
    cache.fill().await;
    let bus = cache.bus("retries = 1");

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    bus.idle().await;

    // Invoice 8 is of the kind; customer 17 has the tag; customer 18 has neither.
    assert_eq!(cache.kept(), [false, false, false, true]);
    let letters = bus.dead_letters();
    assert!(letters[0].is_invalidation());
    assert_eq!(letters[0].tries(), 2);
    let text = logged();
    let loud = text.lines().find(|line| line.contains("ERROR")).unwrap();
    assert!(loud.contains("event=\"invoice.paid\""), "{loud}");
    assert!(loud.contains("tests::invoice_paid"), "{loud}");
    assert!(loud.contains("cleared instead"), "{loud}");
}

#[tokio::test(start_paused = true)]
async fn an_error_that_stays_is_not_tried_again() {
    let cache = Faulty::new([Fault::Stopped]);
    cache.fill().await;
    let bus = cache.bus("");
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    // Before publish returned: nothing else will come.
    assert_eq!(cache.kept(), [false, false, false, true]);
    assert_eq!((bus.stats().retries, bus.stats().fallbacks), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_part_of_the_fallback_that_fails_is_loud_and_leaves_the_other_parts() {
    let cache = Faulty::new([Fault::Stopped, Fault::Away]);
    cache.fill().await;
    let bus = cache.bus("");

    bus.publish(InvoicePaid { id: 7 }).await.unwrap();

    assert_eq!(cache.kept(), [true, true, false, true]);
    assert!(logged().contains("could not even clear"), "{}", logged());
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_beyond_the_pending_limit_clears_at_once() {
    let cache = Faulty::new([Fault::Away, Fault::Away]);
    cache.fill().await;
    let bus = cache.bus("max_pending = 1\nretries = 1\nbackoff = '1h'\nmax_backoff = '1h'");
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    assert_eq!(cache.kept(), [true; 4]);
    bus.publish(InvoicePaid { id: 7 }).await.unwrap();
    assert_eq!(cache.kept(), [false, false, false, true]);
}
