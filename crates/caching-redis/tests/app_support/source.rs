//! The source of truth behind the pods: a number, and factories that read it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use caching_core::{BoxFuture, FactoryContext};
use caching_testkit::Gate;

/// The source of truth: a number. Clones are the same source.
#[derive(Clone, Default)]
pub struct Source(Arc<State>);

#[derive(Default)]
struct State {
    value: AtomicU64,
    runs: AtomicU64,
    is_broken: AtomicBool,
}

type Loading = BoxFuture<'static, io::Result<u64>>;

impl Source {
    pub fn of(value: u64) -> Self {
        let source = Self::default();
        source.write(value);
        source
    }

    pub fn write(&self, value: u64) {
        self.0.value.store(value, Ordering::SeqCst);
    }

    /// Commits the next number.
    pub fn commit(&self) -> u64 {
        self.0.value.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn value(&self) -> u64 {
        self.0.value.load(Ordering::SeqCst)
    }

    pub fn break_down(&self) {
        self.0.is_broken.store(true, Ordering::SeqCst);
    }

    pub fn repair(&self) {
        self.0.is_broken.store(false, Ordering::SeqCst);
    }

    /// How often it was asked.
    pub fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::SeqCst)
    }

    /// A factory that asks it.
    pub fn load(&self) -> impl FnOnce(FactoryContext) -> Loading + Send + use<> {
        self.load_behind(&Gate::opened())
    }

    /// A factory that asks it at once, and answers when the gate lets it through.
    pub fn load_behind(
        &self,
        gate: &Gate,
    ) -> impl FnOnce(FactoryContext) -> Loading + Send + use<> {
        let (state, gate) = (Arc::clone(&self.0), gate.clone());
        move |_| {
            Box::pin(async move {
                state.runs.fetch_add(1, Ordering::SeqCst);
                let found = match state.is_broken.load(Ordering::SeqCst) {
                    true => Err(io::Error::other("the source is broken")),
                    false => Ok(state.value.load(Ordering::SeqCst)),
                };
                gate.pass().await;
                found
            })
        }
    }
}
