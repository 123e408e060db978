//! Modules stopped in reverse, bounded in time.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, info, info_span, warn};

use crate::lifecycle::phase::{ModuleState, Phase};
use crate::lifecycle::{Hosted, Lifecycle};
use crate::panic::catch_async;
use crate::{AppContext, ModuleStop, StopOutcome, StopReport};

impl Lifecycle {
    /// Stops in reverse what has started; interrupts a start that is under way.
    ///
    /// A second stop finds nothing to do and returns an empty report.
    pub(crate) async fn stop(&self) -> StopReport {
        self.stop_within(self.deadline).await
    }

    /// [`stop`](Self::stop) with the time that is left of the deadline.
    pub(crate) async fn stop_within(&self, time: Duration) -> StopReport {
        self.interrupt.cancel();
        self.begin_draining();
        let _turn = self.turn.lock().await;
        if self.phase() == Phase::Stopped {
            return StopReport::default();
        }
        self.stop_modules_within(time).await
    }

    /// Stops what has started; the caller has the turn.
    pub(super) async fn stop_modules(&self) -> StopReport {
        self.stop_modules_within(self.deadline).await
    }

    async fn stop_modules_within(&self, time: Duration) -> StopReport {
        let end = Instant::now() + time;
        self.facts.draining.cancel();
        self.set_phase(Phase::Stopping);

        let to_stop: Vec<_> = self
            .modules
            .iter()
            .rev()
            .filter(|hosted| !matches!(hosted.state(), ModuleState::Waiting | ModuleState::Stopped))
            .collect();
        let mut stops = Vec::with_capacity(to_stop.len());
        for (done, hosted) in to_stop.iter().enumerate() {
            // A share of the time that is left, so that one that hangs leaves some to the others. One that
            // is late goes on while the others stop, until the time is over.
            let now = Instant::now();
            let share = end.saturating_duration_since(now) / (to_stop.len() - done) as u32;
            let mut stop = RunningStop::begin(hosted);
            self.wait_for(&mut stop, now + share).await;
            stops.push(stop);
        }
        let mut report = Vec::with_capacity(stops.len());
        for mut stop in stops {
            self.wait_for(&mut stop, end).await;
            report.extend(stop.finish());
        }

        self.set_phase(Phase::Stopped);
        let report = StopReport::new(report);
        log(&report);
        report
    }

    async fn wait_for(&self, stop: &mut RunningStop<'_>, until: Instant) {
        tokio::select! {
            () = stop.wait_until(until) => {}
            () = self.hurry.cancelled() => stop.wait_until(Instant::now()).await,
        }
    }
}

/// The stop of one module, under way.
struct RunningStop<'a> {
    hosted: &'a Hosted,
    /// Otherwise there are only its tasks to end, and nothing to report when they do.
    has_started: bool,
    began: Instant,
    task: JoinHandle<StopOutcome>,
    /// Ends the task when this is dropped, so that a dropped stop leaves nothing running.
    _abort_on_drop: AbortOnDrop,
    outcome: Option<(StopOutcome, Duration)>,
    is_late: bool,
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<'a> RunningStop<'a> {
    fn begin(hosted: &'a Hosted) -> Self {
        let has_started = hosted.state() == ModuleState::Started;
        hosted.set_state(ModuleState::Stopping);
        hosted.context.begin_shutdown();
        let module = has_started.then(|| Arc::clone(&hosted.module));
        let context = hosted.context.clone();
        let span = info_span!("stop", module = hosted.name);
        // A task of its own, so that it can go on when it is late; owned by this value, which ends it.
        let task = tokio::spawn(stop_one(module, context).instrument(span));
        Self {
            hosted,
            has_started,
            began: Instant::now(),
            _abort_on_drop: AbortOnDrop(task.abort_handle()),
            task,
            outcome: None,
            is_late: false,
        }
    }

    /// Waits for the end of the module, but not longer than this.
    async fn wait_until(&mut self, until: Instant) {
        if self.outcome.is_some() {
            return;
        }
        match timeout_at(until, &mut self.task).await {
            Ok(Ok(outcome)) => self.outcome = Some((outcome, self.began.elapsed())),
            // The runtime is shutting down: nothing of it will run again.
            Ok(Err(_)) => self.outcome = Some((StopOutcome::Abandoned, self.began.elapsed())),
            Err(_) => self.is_late = true,
        }
    }

    fn finish(self) -> Option<ModuleStop> {
        self.hosted.context.abort_tasks();
        self.hosted.set_state(ModuleState::Stopped);
        let (outcome, took) = match self.outcome {
            Some((StopOutcome::Stopped, took)) if self.is_late => (StopOutcome::Late, took),
            Some(ended) => ended,
            None => (StopOutcome::Abandoned, self.began.elapsed()),
        };
        let is_news = self.has_started || !matches!(outcome, StopOutcome::Stopped);
        is_news.then_some(ModuleStop {
            module: self.hosted.name,
            outcome,
            took,
        })
    }
}

/// Stops a module, unless it never started, and waits for its tasks.
async fn stop_one(module: Option<Arc<dyn crate::Module>>, context: AppContext) -> StopOutcome {
    let outcome = match module {
        Some(module) => match catch_async(module.stop(&context)).await {
            Ok(Ok(())) => StopOutcome::Stopped,
            Ok(Err(error)) => StopOutcome::Failed(error),
            Err(panicked) => StopOutcome::Panicked(panicked),
        },
        None => StopOutcome::Stopped,
    };
    context.finish_tasks().await;
    outcome
}

fn log(report: &StopReport) {
    for stop in report.modules() {
        if !matches!(stop.outcome, StopOutcome::Stopped) {
            warn!(module = stop.module, "{stop}");
        }
    }
    info!(
        clean = report.is_clean(),
        "the application has stopped: {report}"
    );
}
