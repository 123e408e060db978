//! What the tests of this crate share: a cache on paused time, gates, and counted factories.
#![allow(dead_code, unused_imports, unreachable_pub, clippy::unwrap_used)]

pub mod history;
pub mod invalidations;
pub mod model;
pub mod pods;
pub mod replica;
pub mod schedule;
pub mod table;
pub mod world;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use caching_core::{CacheConfig, FactoryContext, HybridCache, TokioClock};
use tokio::sync::Semaphore;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);

/// A cache with the defaults, on tokio's clock.
pub fn cache() -> HybridCache {
    configured("")
}

/// A cache with the section `[cache]` given as TOML, on tokio's clock.
pub fn configured(toml: &str) -> HybridCache {
    let config: CacheConfig = toml::from_str(toml).unwrap();
    HybridCache::builder()
        .config(config)
        .clock(TokioClock::new())
        .build()
        .unwrap()
}

/// Advances paused time.
pub async fn pass(duration: Duration) {
    tokio::time::advance(duration).await;
    settle().await;
}

/// Lets every task run until none can go on.
pub async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// An error, as a source would give it.
pub fn broken() -> io::Error {
    io::Error::other("the source is broken")
}

/// A factory that is counted, and whose runs wait until they are let through.
#[derive(Clone)]
pub struct Source {
    runs: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Source {
    /// A source that answers at once.
    pub fn open() -> Self {
        Self {
            runs: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }

    /// A source that answers when it is let through.
    pub fn gated() -> Self {
        Self {
            runs: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    /// Lets one run through.
    pub async fn let_through(&self) {
        self.gate.add_permits(1);
        settle().await;
    }

    /// How often a factory of this source began.
    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// A factory of this value.
    pub fn gives<V: Send + 'static>(
        &self,
        value: V,
    ) -> impl FnOnce(FactoryContext) -> futures::future::BoxFuture<'static, Result<V, io::Error>>
    + Send
    + 'static {
        self.answers(Ok(value))
    }

    /// A factory that fails.
    pub fn fails<V: Send + 'static>(
        &self,
    ) -> impl FnOnce(FactoryContext) -> futures::future::BoxFuture<'static, Result<V, io::Error>>
    + Send
    + 'static {
        self.answers(Err(broken()))
    }

    /// A factory with this answer.
    pub fn answers<V: Send + 'static>(
        &self,
        answer: Result<V, io::Error>,
    ) -> impl FnOnce(FactoryContext) -> futures::future::BoxFuture<'static, Result<V, io::Error>>
    + Send
    + 'static {
        let source = self.clone();
        move |_| {
            Box::pin(async move {
                source.runs.fetch_add(1, Ordering::SeqCst);
                source.gate.acquire().await.unwrap().forget();
                answer
            })
        }
    }
}
