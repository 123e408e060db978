//! The tasks of a bus: each is owned, can be hurried, and can be ended.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// How long a task has to notice that it is to end; one that blocks its thread never does.
const GRACE: Duration = Duration::from_millis(100);

tokio::task_local! {
    /// The bus whose task this is.
    static OWNER: u64;
}

/// Tells buses apart.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// Owns what a bus has running.
pub(crate) struct Tasks {
    id: u64,
    tracker: TaskTracker,
    // A mutex rather than an atomic: `enter` counts its caller while it holds the lock, so that `stop`,
    // which takes the same lock before it waits, either refuses a caller or waits for it.
    stopped: Mutex<bool>,
    /// Cancelled when waits for a retry are to end.
    hurry: CancellationToken,
    /// Cancelled when the time is over.
    abort: CancellationToken,
}

impl Tasks {
    pub(crate) fn new() -> Self {
        let tracker = TaskTracker::new();
        // A closed tracker still takes tasks; it only lets `wait` end when there are none.
        tracker.close();
        Self {
            // Relaxed: all that matters is that no two are equal.
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            tracker,
            stopped: Mutex::new(false),
            hurry: CancellationToken::new(),
            abort: CancellationToken::new(),
        }
    }

    /// Counts the caller among the tasks for as long as it keeps the token; `None` once stopped.
    ///
    /// A task of this bus may enter even then, so that events which raise events are drained too: `stop`
    /// is still waiting for that task.
    pub(crate) fn enter(&self) -> Option<TaskTrackerToken> {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        (!*stopped || self.is_own_task()).then(|| self.tracker.token())
    }

    fn is_own_task(&self) -> bool {
        OWNER.try_with(|owner| *owner == self.id).unwrap_or(false)
    }

    /// Runs a task, which answers `None` when it was ended by force.
    ///
    /// The caller is counted itself: it has entered, or is such a task. So `stop` waits for this one too.
    pub(crate) fn spawn<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let abort = self.abort.clone();
        let task = OWNER.scope(self.id, task);
        self.tracker
            .spawn(async move { abort.run_until_cancelled(task).await })
    }

    /// Waits, unless the bus is stopping.
    pub(crate) async fn pause(&self, wait: Duration) {
        let _ = self
            .hurry
            .run_until_cancelled(tokio::time::sleep(wait))
            .await;
    }

    /// Waits until nothing runs.
    pub(crate) async fn idle(&self) {
        self.tracker.wait().await;
    }

    /// Refuses newcomers, ends waits for retries, and gives the rest until the deadline. Answers how many
    /// tasks had to be ended by force.
    pub(crate) async fn stop(&self, deadline: Duration) -> usize {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.hurry.cancel();
        if tokio::time::timeout(deadline, self.tracker.wait())
            .await
            .is_ok()
        {
            return 0;
        }
        let late = self.tracker.len();
        self.abort.cancel();
        let _ = tokio::time::timeout(GRACE, self.tracker.wait()).await;
        late
    }
}
