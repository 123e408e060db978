//! The way of an event: invalidations first, once each, then everything else behind.

mod attempt;
mod envelope;
mod job;
#[cfg(test)]
mod tests;

pub(crate) use self::envelope::Envelope;

use std::sync::Arc;

use futures::stream::{self, StreamExt};
use tokio::runtime::Handle;

use crate::bus::{Seat, Shared};
use crate::delivery::attempt::{Done, Failure};
use crate::delivery::job::Job;
use crate::error::PublishError;

/// How many first tries of invalidations one delivery makes at a time.
const SIDE_BY_SIDE: usize = 64;

/// What became of published events by the time `publish` or `commit` returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// Events that were published.
    pub events: usize,
    /// Invalidations that the cache applied.
    pub applied: usize,
    /// Invalidations that the cache keeps until it can apply them.
    pub queued: usize,
    /// Invalidations whose first try failed; they are tried again behind, or were replaced by clearing
    /// whole kinds.
    pub failed: usize,
    /// Other handlers that have begun or will.
    pub handlers: usize,
}

impl Shared {
    /// Delivers an event in a task of the bus, so that a caller who leaves does not end it.
    pub(crate) async fn send(
        self: &Arc<Self>,
        envelope: Envelope,
    ) -> Result<Published, PublishError> {
        let event = envelope.name;
        if Handle::try_current().is_err() {
            return Err(PublishError::NoRuntime { event });
        }
        let stopped = PublishError::Stopped { event };
        // Held until the task below is counted itself.
        let entered = self.tasks.enter().ok_or_else(|| stopped.clone())?;
        let shared = Arc::clone(self);
        let delivered = self
            .tasks
            .spawn(async move { shared.deliver(vec![envelope]).await });
        drop(entered);
        delivered.await.ok().flatten().ok_or(stopped)
    }

    /// Tries each invalidation of these events once, then starts all other handlers.
    pub(crate) async fn deliver(self: &Arc<Self>, envelopes: Vec<Envelope>) -> Published {
        let envelopes: Vec<_> = envelopes.into_iter().map(Arc::new).collect();
        let mut published = Published {
            events: envelopes.len(),
            ..Published::default()
        };
        for _ in &envelopes {
            self.counters.published.add();
        }
        let invalidations = jobs(&envelopes, |envelope| envelope.invalidations());
        let tried = stream::iter(invalidations)
            .map(|job| async {
                let outcome = self.attempt(&job, 1).await;
                (job, outcome)
            })
            .buffered(SIDE_BY_SIDE)
            .collect::<Vec<_>>();
        for (job, outcome) in tried.await {
            match outcome {
                Ok(Done::Queued) => published.queued += 1,
                Ok(_) => published.applied += 1,
                Err(failure) => {
                    published.failed += 1;
                    self.go_on(job, failure).await;
                }
            }
        }
        for job in jobs(&envelopes, |envelope| envelope.handlers()) {
            published.handlers += 1;
            self.run_behind(job, 0).await;
        }
        published
    }

    /// After a first try that failed: tries again behind, or gives up where that is no use.
    async fn go_on(self: &Arc<Self>, job: Job, failure: Failure) {
        if failure.permanent || self.config.retries == 0 {
            self.give_up(&job, 1, failure).await;
        } else {
            self.run_behind(job, 1).await;
        }
    }
}

/// What there is to do for these events, event by event.
fn jobs<'a>(
    envelopes: &'a [Arc<Envelope>],
    seats: impl Fn(&'a Envelope) -> &'a [Arc<Seat>] + 'a,
) -> impl Iterator<Item = Job> + 'a {
    envelopes.iter().flat_map(move |envelope| {
        seats(envelope).iter().map(|seat| Job {
            seat: Arc::clone(seat),
            envelope: Arc::clone(envelope),
        })
    })
}
