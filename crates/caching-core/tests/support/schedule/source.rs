//! The source of all values, whose factories stop at two gates: before they read it, and after.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use caching_core::FactoryContext;
use caching_testkit::Gate;
use futures::future::BoxFuture;

use super::super::broken;
use super::history::{History, Place, Turn, Value};
use super::tenant::acting;

/// The history, and the factories that run.
#[derive(Clone, Default)]
pub struct Source(Arc<Mutex<Inner>>);

#[derive(Default)]
pub struct Inner {
    pub history: History,
    pub running: Vec<Running>,
    /// Whether nobody is held back any more.
    is_open: bool,
    next: usize,
}

/// A factory under way.
pub struct Running {
    number: usize,
    pub place: Place,
    /// The turn in which its load began.
    pub began: Turn,
    pub gate: Gate,
    /// Whether those who waited have left: nobody can join it any more.
    pub is_over: bool,
    /// Callers who waited for it when another one left.
    pub owed_to: Vec<usize>,
}

/// How a factory ends.
#[derive(Clone, Copy, PartialEq)]
pub enum Ends {
    Gives,
    Fails,
    Panics,
}

impl Source {
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        let mut inner = self.lock();
        inner.is_open = true;
        inner.running.iter().for_each(|one| one.gate.open());
    }

    /// Holds those back who come from now on.
    pub fn close(&self) {
        self.lock().is_open = false;
    }

    /// A factory of a place; `polled` is the turn in which its caller was polled last.
    pub fn factory(
        &self,
        place: Place,
        ends: Ends,
        tag: Option<&'static str>,
        polled: Arc<AtomicU64>,
    ) -> impl FnOnce(FactoryContext) -> BoxFuture<'static, io::Result<Value>> + Send + use<> {
        let source = self.clone();
        move |mut cx| {
            Box::pin(async move {
                let began = polled.load(Ordering::Relaxed);
                let running = source.begin(place, began);
                if let Some(tag) = tag {
                    cx.add_tag(tag);
                }
                running.gate.pass().await;
                // As the tenant whom it finds itself acting for.
                let tenant = acting().unwrap_or_default();
                let version = source.lock().history.version((tenant, place.1));
                running.gate.pass().await;
                running.has_ended();
                match ends {
                    Ends::Gives => Ok((tenant, version, began)),
                    Ends::Fails => Err(broken()),
                    // As a panic, but without a word on the terminal.
                    Ends::Panics => std::panic::resume_unwind(Box::new("the factory panics")),
                }
            })
        }
    }

    fn begin(&self, place: Place, began: Turn) -> Guard {
        let mut inner = self.lock();
        inner.next += 1;
        inner
            .history
            .note(|| format!("the factory of {place:?} runs, which began in turn {began}"));
        let (number, gate) = (inner.next, Gate::closed());
        if inner.is_open {
            gate.open();
        }
        inner.running.push(Running {
            number,
            place,
            began,
            gate: gate.clone(),
            is_over: false,
            owed_to: Vec::new(),
        });
        Guard {
            source: self.clone(),
            number,
            gate,
        }
    }
}

/// Tells when a factory is dropped before its end.
struct Guard {
    source: Source,
    number: usize,
    gate: Gate,
}

impl Guard {
    fn take(&self) -> Option<Running> {
        let mut inner = self.source.lock();
        let at = inner
            .running
            .iter()
            .position(|one| one.number == self.number)?;
        Some(inner.running.swap_remove(at))
    }

    fn has_ended(&self) {
        self.take();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(Running { place, owed_to, .. }) = self.take() else {
            return;
        };
        let history = &mut self.source.lock().history;
        history.note(|| format!("the factory of {place:?} is dropped"));
        if !owed_to.is_empty() {
            history.broken(
                3,
                format!("{place:?}: {owed_to:?} waited for a factory that was ended"),
            );
        }
    }
}
