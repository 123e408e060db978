//! How far a warm-up is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::{Task, WarmUp};
use crate::config::WarmUpConfig;

/// How far a warm-up is: a service, for those who want to know or to wait.
#[derive(Clone)]
pub struct WarmUpProgress(Arc<State>);

struct State {
    config: WarmUpConfig,
    /// What has yet to begin: taken once. A lock for that, never held across an await.
    tasks: Mutex<Vec<Task>>,
    task_count: usize,
    loaded: AtomicUsize,
    failed: AtomicUsize,
    over: CancellationToken,
}

impl WarmUpProgress {
    pub(super) fn of(warm_up: WarmUp) -> Self {
        let over = CancellationToken::new();
        if warm_up.tasks.is_empty() {
            over.cancel();
        }
        Self(Arc::new(State {
            config: warm_up.config,
            task_count: warm_up.tasks.len(),
            tasks: Mutex::new(warm_up.tasks),
            loaded: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            over,
        }))
    }

    /// How many tasks it has.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.0.task_count
    }

    /// How many items and tasks have been loaded: each item of [`each`](super::WarmUpContext::each), and
    /// each task.
    #[must_use]
    pub fn loaded(&self) -> usize {
        // Relaxed, here and below: counters by themselves.
        self.0.loaded.load(Ordering::Relaxed)
    }

    /// How many items and tasks could not be loaded.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Whether it is over: all tasks have ended, the limit has passed, or the application has stopped.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.over.is_cancelled()
    }

    /// Ends when it is over.
    pub async fn over(&self) {
        self.0.over.cancelled().await;
    }

    pub(super) fn config(&self) -> &WarmUpConfig {
        &self.0.config
    }

    pub(super) fn take_tasks(&self) -> Vec<Task> {
        std::mem::take(&mut self.lock())
    }

    pub(super) fn count(&self, is_loaded: bool) {
        let counter = match is_loaded {
            true => &self.0.loaded,
            false => &self.0.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.0.over.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Task>> {
        // Taken as a whole; there is nothing half-done in it.
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for WarmUpProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WarmUpProgress")
            .field("tasks", &self.tasks())
            .field("loaded", &self.loaded())
            .field("failed", &self.failed())
            .field("is_over", &self.is_over())
            .finish()
    }
}
