//! What the tests of the event bus share: a journal, a gate, and a scope with tenants.
#![allow(dead_code, reason = "each test uses some of it")]

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use caching_core::{BoxFuture, HybridCache, KeyScope, NoScope, ScopeId, ScopeText, TokioClock};
use caching_events::{EventBus, EventBusBuilder};
use tokio::sync::Semaphore;

/// A cache whose clock tests can advance.
pub(crate) fn cache() -> HybridCache {
    HybridCache::builder()
        .clock(TokioClock::new())
        .build()
        .unwrap()
}

/// A bus of that builder over a new cache.
pub(crate) fn bus(builder: EventBusBuilder) -> EventBus {
    builder.build(cache()).unwrap()
}

/// What handlers write down; a service.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    pub(crate) fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Holds handlers until the test lets them pass; a service.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Waits until one more may pass.
    pub(crate) async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }

    /// Lets that many pass.
    pub(crate) fn open(&self, count: usize) {
        self.0.add_permits(count);
    }
}

/// Lets every task that can run do so.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// A tenant that is known to [`Tenants`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tenant(pub(crate) u32);

impl ScopeText for Tenant {
    fn scope_text(&self) -> Cow<'_, str> {
        Cow::Owned(format!("t:{}", self.0))
    }
}

tokio::task_local! {
    static CURRENT: u32;
}

impl Tenant {
    /// Runs work as this tenant.
    pub(crate) async fn run<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self.0, work).await
    }

    /// Does something at once as this tenant.
    pub(crate) fn call<T>(self, call: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.0, call)
    }

    /// Whose code this is, `shared` for everybody's.
    pub(crate) fn current() -> String {
        match CURRENT.try_with(|tenant| *tenant) {
            Ok(0) => "shared".to_owned(),
            Ok(tenant) => format!("t:{tenant}"),
            Err(_) => "none".to_owned(),
        }
    }
}

/// A scope of tenants 1 to 9, kept in a task-local.
pub(crate) struct Tenants;

impl KeyScope for Tenants {
    fn current(&self) -> Result<ScopeId, NoScope> {
        CURRENT
            .try_with(|tenant| ScopeId::new(*tenant))
            .map_err(|_| NoScope::new("wrap the call in `Tenant::run`"))
    }

    fn text(&self, id: ScopeId) -> Arc<str> {
        match id.as_u32() {
            0 => "shared".into(),
            tenant => format!("t:{tenant}").into(),
        }
    }

    fn parse(&self, text: &str) -> Result<ScopeId, NoScope> {
        if text == "shared" {
            return Ok(ScopeId::SHARED);
        }
        text.strip_prefix("t:")
            .and_then(|tenant| tenant.parse().ok())
            .filter(|tenant| (1..=9).contains(tenant))
            .map(ScopeId::new)
            .ok_or_else(|| NoScope::new(format!("there is no tenant `{text}`")))
    }

    fn enter<'a>(&self, id: ScopeId, work: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        Box::pin(CURRENT.scope(id.as_u32(), work))
    }
}

/// A cache with tenants.
pub(crate) fn cache_of_tenants() -> HybridCache {
    HybridCache::builder()
        .clock(TokioClock::new())
        .key_scope(Tenants)
        .build()
        .unwrap()
}
