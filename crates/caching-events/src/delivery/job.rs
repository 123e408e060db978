//! One event for one handler, tried until it works or is given up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use tracing::{error, warn};

use crate::bus::{Seat, Shared};
use crate::dead_letter::DeadLetter;
use crate::delivery::Envelope;
use crate::delivery::attempt::Failure;
use crate::handler::Work;

/// How much of an error's text is kept, in bytes.
const MAX_REASON: usize = 2048;

/// One event for one handler.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) seat: Arc<Seat>,
    pub(crate) envelope: Arc<Envelope>,
}

impl Shared {
    /// Runs a job in a task of its own, after this many tries. Where too many wait it is given up at once:
    /// to wait here could be to wait for oneself, as handlers publish too.
    pub(crate) async fn run_behind(self: &Arc<Self>, job: Job, tries: u32) {
        let Some(mut pending) = Pending::admit(self, &job, tries) else {
            let limit = self.config.max_pending;
            let reason = format!("{limit} handlers are pending already, as `max_pending` allows");
            self.give_up(&job, tries, Failure::permanent(reason)).await;
            return;
        };
        let shared = Arc::clone(self);
        // Owned by the bus: `stop` waits for it, and ends it at its deadline. `deliver`, which called,
        // is such a task itself.
        self.tasks.spawn(async move {
            shared.run(&mut pending).await;
            pending.end();
        });
    }

    async fn run(&self, pending: &mut Pending) {
        loop {
            if pending.tries > 0 {
                let wait = self.config.wait_after(pending.tries);
                self.tasks.pause(wait).await;
            }
            let job = &pending.job;
            // Given back before the next wait, so that what waits takes no room from what can run.
            // Nobody closes the semaphore; if it were closed, there would be no bound left to keep.
            let room = job.seat.room.acquire().await.ok();
            pending.tries += 1;
            let tries = pending.tries;
            let outcome = self.attempt(job, tries).await;
            drop(room);
            match outcome {
                Ok(_) => return,
                Err(failure) if failure.permanent || tries > self.config.retries => {
                    self.give_up(job, tries, failure).await;
                    return;
                }
                Err(failure) => warn!(
                    event = job.envelope.name,
                    handler = job.seat.handler.path(),
                    tries,
                    reason = failure.reason,
                    "an event handler failed and is tried again"
                ),
            }
        }
    }

    /// Buries a job; an invalidation is replaced by a wider one.
    pub(crate) async fn give_up(&self, job: &Job, tries: u32, failure: Failure) {
        self.bury(job, tries, failure);
        if let Work::Invalidate(invalidate) = job.seat.handler.work {
            self.clear_instead(job, invalidate).await;
        }
    }

    fn bury(&self, job: &Job, tries: u32, mut failure: Failure) {
        // Whoever wrote the error did not think of a thousand of them being kept.
        let length = failure.reason.floor_char_boundary(MAX_REASON);
        failure.reason.truncate(length);
        let (envelope, handler) = (&job.envelope, &job.seat.handler);
        let scope = self.scope.text(envelope.scope);
        let consequence = if handler.is_invalidation() {
            "an event did not invalidate what it should; the kinds of its keys and its tags are \
             cleared instead"
        } else {
            "an event handler was given up; see the dead letters of the event bus"
        };
        error!(
            event = envelope.name,
            handler = handler.path(),
            scope = &*scope,
            tries,
            reason = failure.reason,
            "{consequence}"
        );
        self.counters.dead_lettered.add();
        self.dead_letters.push(DeadLetter {
            event: envelope.event.clone(),
            event_name: envelope.name,
            handler: handler.path(),
            is_invalidation: handler.is_invalidation(),
            scope,
            tries,
            reason: failure.reason.into(),
            at: SystemTime::now(),
        });
    }
}

/// A job that is running or waiting; its place is free again when it is dropped.
struct Pending {
    shared: Arc<Shared>,
    job: Job,
    tries: u32,
    /// Not so where it is dropped in the middle of its work.
    has_ended: bool,
}

impl Pending {
    /// Takes a place, unless there are as many as there may be.
    fn admit(shared: &Arc<Shared>, job: &Job, tries: u32) -> Option<Self> {
        let limit = shared.config.max_pending;
        // Relaxed: the number bounds memory and orders nothing.
        shared
            .pending
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |pending| {
                (pending < limit).then_some(pending + 1)
            })
            .ok()?;
        Some(Self {
            shared: Arc::clone(shared),
            job: job.clone(),
            tries,
            has_ended: false,
        })
    }

    /// For a job that has worked or was given up.
    fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.shared.pending.fetch_sub(1, Ordering::Relaxed);
        if !self.has_ended {
            let reason = "the event bus stopped before it was done";
            self.shared
                .bury(&self.job, self.tries, Failure::permanent(reason));
        }
    }
}
