//! A source of values whose factories are counted, and wait until they are let through.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Gate;

/// What a factory of a [`Source`] gives back.
pub type Answer<V> = Pin<Box<dyn Future<Output = Result<V, io::Error>> + Send + 'static>>;

/// Stands for the database behind a cache: makes factories, counts their runs, and holds them at a
/// [`Gate`] where a test wants that. Clones are the same source.
///
/// ```
/// use caching_core::HybridCache;
/// use caching_testkit::Source;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cache = HybridCache::builder().build()?;
/// let source = Source::gated();
///
/// let reader = tokio::spawn({
///     let (cache, factory) = (cache.clone(), source.gives(1.25));
///     async move { cache.get_or_set("rate", factory).await.map(|rate| *rate) }
/// });
/// source.started(1).await; // the factory is running now
/// cache.remove("rate").await?.accept_queued(); // a write was committed meanwhile
/// source.let_through(1);
///
/// assert_eq!(reader.await??, 1.25); // it had asked before
/// assert!(cache.get::<_, f64>("rate").await?.is_none()); // nobody else gets it
/// assert_eq!(source.runs(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Source {
    runs: Arc<AtomicUsize>,
    gate: Gate,
}

impl Source {
    /// A source that answers at once.
    #[must_use]
    pub fn open() -> Self {
        Self::behind(Gate::opened())
    }

    /// A source that answers when it is let through.
    #[must_use]
    pub fn gated() -> Self {
        Self::behind(Gate::closed())
    }

    /// A source behind a gate that others may stand at too.
    #[must_use]
    pub fn behind(gate: Gate) -> Self {
        Self {
            runs: Arc::default(),
            gate,
        }
    }

    /// Lets so many runs through.
    pub fn let_through(&self, runs: usize) {
        self.gate.let_through(runs);
    }

    /// How often a factory of this source began.
    #[must_use]
    pub fn runs(&self) -> usize {
        // SeqCst: a test compares it with what other threads did; nothing here is hot.
        self.runs.load(Ordering::SeqCst)
    }

    /// Waits until so many runs have begun, since the source was made. With a gate of one's own others count
    /// too.
    pub async fn started(&self, runs: usize) {
        self.gate.arrivals(runs).await;
    }

    /// The gate in front of the source.
    #[must_use]
    pub const fn gate(&self) -> &Gate {
        &self.gate
    }

    /// A factory of this value, for `get_or_set`. It takes the one argument that a factory is given, and
    /// does not look at it.
    pub fn gives<V, C>(&self, value: V) -> impl FnOnce(C) -> Answer<V> + Send + 'static
    where
        V: Send + 'static,
    {
        self.answers(Ok(value))
    }

    /// A factory that fails with "the source is broken".
    pub fn fails<V, C>(&self) -> impl FnOnce(C) -> Answer<V> + Send + 'static
    where
        V: Send + 'static,
    {
        self.answers(Err(io::Error::other("the source is broken")))
    }

    /// A factory with this answer.
    pub fn answers<V, C>(
        &self,
        answer: Result<V, io::Error>,
    ) -> impl FnOnce(C) -> Answer<V> + Send + 'static
    where
        V: Send + 'static,
    {
        let source = self.clone();
        move |_| {
            Box::pin(async move {
                source.runs.fetch_add(1, Ordering::SeqCst);
                source.gate.pass().await;
                answer
            })
        }
    }
}
