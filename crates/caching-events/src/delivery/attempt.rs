//! One try of one handler: in the event's scope, bounded in time, its panics caught.

use std::any::Any;
use std::error::Error;
use std::fmt::Write;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use caching_core::{Batch, CacheError, Invalidated, Scope, ScopeId};
use futures::FutureExt;
use tracing::{Instrument, error, info_span};

use crate::bus::Shared;
use crate::delivery::job::Job;
use crate::handler::{HandleFn, InvalidateFn, Work};
use crate::invalidations::Invalidations;

/// What a try came to.
pub(crate) enum Done {
    /// The handler did its work.
    Handled,
    /// The cache has applied the invalidation.
    Applied,
    /// The cache keeps the invalidation until it can apply it.
    Queued,
}

/// Why a try came to nothing.
pub(crate) struct Failure {
    pub(crate) reason: String,
    /// Whether trying again cannot help.
    pub(crate) permanent: bool,
}

impl Failure {
    pub(crate) fn permanent(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            permanent: true,
        }
    }

    fn passing(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            permanent: false,
        }
    }
}

impl Shared {
    /// Tries a handler once; `number` counts from one.
    pub(crate) async fn attempt(&self, job: &Job, number: u32) -> Result<Done, Failure> {
        let handler = &job.seat.handler;
        let span = info_span!(
            parent: &job.envelope.span,
            "event_handler",
            event = job.envelope.name,
            handler = handler.path(),
            number,
        );
        let counters = &self.counters;
        if number > 1 {
            counters.retries.add();
        }
        let (outcome, failed) = match handler.work {
            Work::Handle(handle) => {
                let outcome = self.handle(job, handle).instrument(span).await;
                (outcome, &counters.handlers_failed)
            }
            Work::Invalidate(invalidate) => {
                let outcome = self.invalidate(job, invalidate).instrument(span).await;
                (outcome, &counters.invalidations_failed)
            }
        };
        match &outcome {
            Ok(Done::Handled) => counters.handled.add(),
            Ok(Done::Applied) => counters.invalidations_applied.add(),
            Ok(Done::Queued) => counters.invalidations_queued.add(),
            Err(_) => failed.add(),
        }
        outcome
    }

    async fn handle(&self, job: &Job, handle: HandleFn) -> Result<Done, Failure> {
        let (event, services) = (job.envelope.event.clone(), self.services.clone());
        let mut outcome = None;
        let work = Box::pin(async { outcome = Some(handle(event, services).await) });
        // Unwind safe: the handler works on an event that nobody can change and on its own services; what
        // a panic leaves half-changed in those is theirs, as in any other task that panics.
        let run = AssertUnwindSafe(self.scope.enter(job.envelope.scope, work)).catch_unwind();
        self.in_time(run).await?.map_err(panicked)?;
        match outcome {
            Some(Ok(())) => Ok(Done::Handled),
            Some(Err(error)) => Err(Failure {
                permanent: error.is_permanent(),
                reason: with_sources(&*error.into_source()),
            }),
            None => Err(Failure::permanent("the key scope did not run the handler")),
        }
    }

    async fn invalidate(&self, job: &Job, invalidate: InvalidateFn) -> Result<Done, Failure> {
        let mut found = found(job, invalidate)?;
        if found.is_empty() {
            return Ok(Done::Applied);
        }
        let scope = Scope::Of(job.envelope.scope);
        self.in_time(self.cache.invalidate(scope, found.take_batch()))
            .await?
            .map(done)
            .map_err(refused)
    }

    /// For an invalidation that was given up: clears the kinds of its keys, and its tags one by one. Too
    /// much is forgotten, where otherwise something wrong would be remembered.
    pub(crate) async fn clear_instead(&self, job: &Job, invalidate: InvalidateFn) {
        self.counters.fallbacks.add();
        let scope = Scope::Of(job.envelope.scope);
        let Ok(found) = found(job, invalidate) else {
            // Nobody knows what it would have named.
            self.clear(job, scope, self.cache.clear(scope)).await;
            if job.envelope.scope != ScopeId::SHARED {
                self.clear(job, Scope::Shared, self.cache.clear(Scope::Shared))
                    .await;
            }
            return;
        };
        for (kind, is_shared) in found.kinds() {
            let scope = if *is_shared { Scope::Shared } else { scope };
            let batch = Batch::new().remove_kind(*kind);
            self.clear(job, scope, self.cache.invalidate(scope, batch))
                .await;
        }
        for tag in found.listed_tags() {
            let batch = Batch::new().remove_tag(tag);
            self.clear(job, scope, self.cache.invalidate(scope, batch))
                .await;
        }
    }

    async fn clear(
        &self,
        job: &Job,
        scope: Scope,
        clearing: impl Future<Output = Result<Invalidated, CacheError>>,
    ) {
        let cleared = self.in_time(clearing).await;
        if let Err(failure) = cleared.and_then(|cleared| cleared.map_err(refused)) {
            error!(
                event = job.envelope.name,
                handler = job.seat.handler.path(),
                ?scope,
                reason = failure.reason,
                "an event could not even clear the kinds and tags of its keys; they stay as they are \
                 until they expire"
            );
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let limit = self.config.try_limit;
        tokio::time::timeout(limit, work)
            .await
            .map_err(|_| Failure::passing(format!("it took longer than {limit:?}")))
    }
}

/// What the event invalidates. A panic of an expression will happen again: it has only the event to
/// work with.
fn found(job: &Job, invalidate: InvalidateFn) -> Result<Invalidations, Failure> {
    let mut found = Invalidations::default();
    // Unwind safe: what a panic leaves half-filled is dropped.
    let filled = catch_unwind(AssertUnwindSafe(|| {
        invalidate(&*job.envelope.event, &mut found);
    }));
    match filled {
        Ok(()) => Ok(found),
        Err(payload) => Err(Failure {
            permanent: true,
            ..panicked(payload)
        }),
    }
}

fn done(invalidated: Invalidated) -> Done {
    if invalidated.is_applied() {
        Done::Applied
    } else {
        Done::Queued
    }
}

fn refused(error: CacheError) -> Failure {
    Failure {
        permanent: error.is_permanent(),
        reason: with_sources(&error),
    }
}

fn panicked(payload: Box<dyn Any + Send>) -> Failure {
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Failure::passing(format!("it panicked: {message}"))
}

/// An error with what lies behind it, in one line.
fn with_sources(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // A `String` takes every write; many errors repeat their source in their own text.
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}
