//! A warm-up under way: all tasks, within the limit, with progress in the log.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use app_host::{AppContext, Health};
use futures_util::FutureExt;
use futures_util::stream::{self, StreamExt};
use tokio::sync::Semaphore;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{Task, WarmUpContext, WarmUpProgress};
use crate::cache::HybridCache;
use crate::error::BoxError;
use crate::flow::panic_message;

/// How often a warm-up says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(5);

impl WarmUpProgress {
    /// Begins once all modules have started, in a task of the module, which ends it at its stop.
    pub(crate) fn begin(&self, app: &AppContext, cache: &HybridCache) {
        if self.is_over() {
            return;
        }
        let cx = WarmUpContext {
            cache: cache.clone(),
            services: app.services().clone(),
            progress: self.clone(),
            items: Arc::new(Semaphore::new(
                self.config().concurrency.min(Semaphore::MAX_PERMITS),
            )),
        };
        let (app, task_app) = (app, app.clone());
        app.spawn(async move {
            let progress = cx.progress.clone();
            let warm_up = async {
                task_app.until_started().await;
                cx.run().await;
            };
            tokio::select! {
                biased;
                () = task_app.draining().cancelled() => {}
                () = task_app.shutdown().cancelled() => {}
                () = warm_up => {}
            }
            progress.end();
        });
    }

    /// What readiness says of it; nothing once it is over.
    pub(crate) fn health(&self) -> Option<Health> {
        if self.is_over() {
            return None;
        }
        Some(Health::down(format!(
            "warming up: {} loaded, {} failed; it takes {:?} at most",
            self.loaded(),
            self.failed(),
            self.config().limit
        )))
    }
}

impl WarmUpContext {
    async fn run(&self) {
        let (config, tasks) = (self.progress.config(), self.progress.take_tasks());
        let begun = Instant::now();
        let left: BTreeSet<String> = tasks.iter().map(|task| task.name.clone()).collect();
        // A lock for a set operation, never held across an await.
        let left = Mutex::new(left);
        tracing::info!(tasks = tasks.len(), limit = ?config.limit, "the cache is warmed up");
        let all = stream::iter(tasks).for_each_concurrent(config.concurrency, |task| {
            let left = &left;
            async move {
                let name = task.name.clone();
                self.run_one(task).await;
                left.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&name);
            }
        });
        let all = async {
            tokio::select! {
                () = all => {}
                () = self.tell() => {}
            }
        };
        let (loaded, failed) = match timeout(config.limit, all).await {
            Ok(()) => (self.progress.loaded(), self.progress.failed()),
            Err(_) => {
                let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
                tracing::warn!(
                    limit = ?config.limit,
                    tasks = ?left,
                    "the warm-up is past its limit; what these tasks have not loaded is left to the first readers"
                );
                (self.progress.loaded(), self.progress.failed())
            }
        };
        tracing::info!(loaded, failed, took = ?begun.elapsed(), "the warm-up is over");
    }

    async fn run_one(&self, task: Task) {
        let Task { name, work } = task;
        let begun = Instant::now();
        let cx = self.clone();
        // A task that panicked is never polled again, so nothing that it left half-done is seen.
        let ended = AssertUnwindSafe(async move { work(cx).await })
            .catch_unwind()
            .await;
        let result =
            ended.unwrap_or_else(|panic| Err(BoxError::from(panic_message(panic.as_ref()))));
        self.progress.count(result.is_ok());
        match result {
            Ok(()) => tracing::info!(task = name, took = ?begun.elapsed(), "warmed up"),
            Err(error) => tracing::warn!(
                task = name,
                %error,
                "could not be warmed up; it is left to the first readers"
            ),
        }
    }

    /// Says how far it is, every few seconds; never ends.
    async fn tell(&self) {
        let mut ticks = interval_at(Instant::now() + TOLD_EVERY, TOLD_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            tracing::info!(
                loaded = self.progress.loaded(),
                failed = self.progress.failed(),
                "still warming up"
            );
        }
    }
}
