//! The one task that keeps a cache coherent: started, missed, replaced, ended.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::clock::Tick;
use crate::flow::Engine;
use crate::flow::engine::LAST_MOMENT;
use crate::flow::listen::drive;

/// The task that keeps a cache coherent, once it was started.
#[derive(Default)]
pub(crate) struct Driver {
    /// Held for a comparison, never across an await.
    task: Mutex<Option<JoinHandle<()>>>,
    /// When it last came by, on the clock of the cache.
    seen: AtomicU64,
    /// Whether somebody has waited for it in vain.
    is_missed: AtomicBool,
}

impl Driver {
    /// It came by.
    pub(crate) fn was_seen(&self, now: Tick) {
        // Relaxed, here and below: hints, which cost a new driver at worst.
        self.seen.store(now.as_nanos(), Ordering::Relaxed);
        self.is_missed.store(false, Ordering::Relaxed);
    }

    /// Ends it, before what it listens to is closed.
    pub(crate) async fn stop(&self) {
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            task.abort();
            // Bounded: its runtime may not be driven any more.
            let _ = tokio::time::timeout(LAST_MOMENT, task).await;
        }
    }

    /// Somebody has waited for it in vain.
    pub(crate) fn was_missed(&self) {
        self.is_missed.store(true, Ordering::Relaxed);
    }

    /// Whether it sits on a runtime that nobody drives any more.
    fn is_stuck(&self, now: Tick, patience: Duration) -> bool {
        let seen = Tick::from_nanos(self.seen.load(Ordering::Relaxed));
        self.is_missed.load(Ordering::Relaxed) && now.since(seen) > patience
    }
}

impl Engine {
    /// Starts the driver on this runtime, unless it runs.
    pub(crate) fn start_driver(self: &Arc<Self>, runtime: &Handle) {
        let Some(shared) = &self.shared else { return };
        let mut task = shared
            .driver
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.as_ref().filter(|task| !task.is_finished()) {
            if !shared.driver.is_stuck(self.clock.now(), shared.bound() * 2) {
                return;
            }
            task.abort();
        }
        shared.driver.was_seen(self.clock.now());
        let ending = self.ending.clone();
        // It ends with `ending`, which `stop` and the last handle of the cache cancel.
        let drive = drive(Arc::clone(self));
        *task = Some(runtime.spawn(async move {
            ending.run_until_cancelled(drive).await;
        }));
    }
}
