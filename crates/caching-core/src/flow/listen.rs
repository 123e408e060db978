//! The driver: hears notices, asks for what was missed, and sends again what could not be sent.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::coherence::{Heard, Notice};
use crate::error::BoxError;
use crate::flow::Engine;
use crate::flow::poll::{PollEnd, poll};
use crate::flow::resend::resend;
use crate::flow::shared::Shared;
use crate::scope::BoxFuture;

/// How many notices wait for the driver. More are dropped: the poll finds what they said.
const NOTICES: usize = 2_048;

/// How long a lost subscription rests before it is made again; doubled up to the last one.
const FIRST_REST: Duration = Duration::from_millis(20);
const LAST_REST: Duration = Duration::from_secs(1);

/// The shortest time between two polls.
const SHORTEST: Duration = Duration::from_millis(1);

type Subscription = BoxFuture<'static, BoxError>;
type Subscribing = BoxFuture<'static, Result<Subscription, BoxError>>;

/// What the driver is about at present.
struct Drive {
    engine: Arc<Engine>,
    /// Its number: another one may take its place.
    number: u64,
    notices: mpsc::Sender<Notice>,
    subscribing: Option<Subscribing>,
    subscription: Option<Subscription>,
    /// `None`: there is no backplane to subscribe to.
    subscribe_at: Option<Instant>,
    rest: Duration,
    polling: Option<BoxFuture<'static, PollEnd>>,
    poll_at: Instant,
    /// Something happened that the poll in flight, if there is one, may know nothing of.
    is_due: bool,
    sending: Option<BoxFuture<'static, bool>>,
    send_at: Instant,
}

/// Keeps a cache coherent until it is dropped.
pub(crate) async fn drive(engine: Arc<Engine>, number: u64) {
    let (notices, mut heard) = mpsc::channel(NOTICES);
    let nudges = Arc::clone(&engine);
    let mut drive = Drive::new(engine, number, notices);
    while let Some(wake) = drive.begin_what_is_due() {
        // Each branch only waits; what is to be done is done after, when nothing is borrowed.
        let event = tokio::select! {
            biased;
            end = ready_or_never(&mut drive.polling) => Event::Polled(end),
            Some(notice) = heard.recv() => Event::Heard(notice),
            made = ready_or_never(&mut drive.subscribing) => Event::Subscribed(made),
            why = ready_or_never(&mut drive.subscription) => Event::Lost(why),
            is_sent = ready_or_never(&mut drive.sending) => Event::Sent(is_sent),
            () = nudged(&nudges) => Event::Nudged,
            () = sleep_until(wake) => Event::Due,
        };
        match event {
            Event::Polled(end) => drive.polled(end).await,
            Event::Heard(notice) => drive.heard(&notice),
            Event::Subscribed(made) => drive.subscribed(made),
            Event::Lost(why) => drive.lost(&why),
            Event::Sent(is_sent) => drive.sent(is_sent),
            Event::Nudged => drive.is_due = true,
            Event::Due => {}
        }
    }
}

/// What the driver waited for.
enum Event {
    Polled(PollEnd),
    Heard(Notice),
    Subscribed(Result<Subscription, BoxError>),
    Lost(BoxError),
    Sent(bool),
    Nudged,
    Due,
}

async fn nudged(engine: &Engine) {
    match &engine.shared {
        Some(shared) => shared.pulse.nudge.notified().await,
        None => std::future::pending().await,
    }
}

/// Waits for a future if there is one, and takes it away when it has ended.
async fn ready_or_never<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    let Some(running) = future else {
        return std::future::pending().await;
    };
    let end = running.as_mut().await;
    *future = None;
    end
}

impl Drive {
    fn new(engine: Arc<Engine>, number: u64, notices: mpsc::Sender<Notice>) -> Self {
        let now = Instant::now();
        let has_backplane = engine
            .shared
            .as_ref()
            .is_some_and(|shared| shared.backplane.is_some());
        Self {
            engine,
            number,
            notices,
            subscribing: None,
            subscription: None,
            subscribe_at: has_backplane.then_some(now),
            rest: FIRST_REST,
            polling: None,
            poll_at: now,
            is_due: true,
            sending: None,
            send_at: now,
        }
    }

    /// Begins what is due; then, when to come back at the latest. `None` only without a store.
    fn begin_what_is_due(&mut self) -> Option<Instant> {
        let engine = Arc::clone(&self.engine);
        let shared = engine.shared.as_ref()?;
        #[cfg(feature = "switches")]
        shared.pulse.tick(engine.clock.now());
        engine.notice_sleep(shared);
        shared.driver.was_seen(engine.clock.now());
        let is_leased = engine.fences.lease.holds(engine.clock.now());
        if shared.driver.has_lapsed(is_leased) {
            engine.counters.lapses.add();
        }
        let now = Instant::now();
        // Subscribed first, then polled, so that nothing falls between the two: see `subscribed`.
        let is_unsubscribed = self.subscription.is_none() && self.subscribing.is_none();
        if is_unsubscribed && self.subscribe_at.is_some_and(|at| at <= now) {
            self.subscribe(shared);
        }
        if self.polling.is_none() && (self.is_due || self.poll_at <= now) {
            self.is_due = false;
            self.polling = Some(Box::pin(poll(Arc::clone(&engine), self.number)));
        }
        let has_news = shared.recovery.len() > 0 && shared.pulse.is_answered();
        if self.sending.is_none() && has_news && self.send_at <= now {
            self.sending = Some(Box::pin(resend(Arc::clone(&engine))));
        }
        let mut wake = now + shared.heartbeat();
        if self.polling.is_none() {
            wake = wake.min(self.poll_at);
        }
        if let Some(at) = self.subscribe_at
            && self.subscription.is_none()
            && self.subscribing.is_none()
        {
            wake = wake.min(at);
        }
        Some(wake)
    }

    fn subscribe(&mut self, shared: &Shared) {
        let Some(backplane) = shared.backplane.clone() else {
            return;
        };
        let notices = self.notices.clone();
        self.subscribing = Some(Box::pin(async move {
            // One that finds no room is found by the poll.
            let listener = move |notice| drop(notices.try_send(notice));
            backplane.subscribe(Box::new(listener)).await
        }));
    }

    fn subscribed(&mut self, made: Result<Subscription, BoxError>) {
        match made {
            Ok(made) => {
                self.subscription = Some(made);
                self.rest = FIRST_REST;
                self.tell_subscription(None);
                // What was said before it was made.
                self.is_due = true;
            }
            Err(why) => self.lost(&why),
        }
    }

    fn lost(&mut self, why: &BoxError) {
        self.tell_subscription(Some(why));
        let now = Instant::now();
        self.subscribe_at = Some(now + self.rest);
        self.rest = (self.rest * 2).min(LAST_REST);
        self.is_due = true;
    }

    fn tell_subscription(&self, lost: Option<&BoxError>) {
        let Some(shared) = &self.engine.shared else {
            return;
        };
        let was_there = shared.pulse.set_subscribed(lost.is_none());
        match lost {
            Some(why) if was_there => tracing::warn!(
                %why,
                "notices of other processes are not heard; the poll finds what they said"
            ),
            None if !was_there => tracing::info!("notices of other processes are heard"),
            _ => {}
        }
    }

    async fn polled(&mut self, end: PollEnd) {
        let engine = Arc::clone(&self.engine);
        let Some(shared) = &engine.shared else { return };
        engine.notice_sleep(shared);
        let sent_at = end.1;
        let again = engine.take_in(shared, self.number, end).await;
        let now = engine.clock.now();
        // An answer that took long leaves little of its lease.
        let is_short = engine.fences.lease.until().since(now) < shared.heartbeat();
        let wait = if again || (is_short && shared.pulse.is_answered()) {
            Duration::ZERO
        } else {
            shared.heartbeat().saturating_sub(now.since(sent_at))
        };
        self.poll_at = Instant::now() + wait.max(SHORTEST);
    }

    fn heard(&mut self, notice: &Notice) {
        let engine = &self.engine;
        let Some(shared) = &engine.shared else { return };
        if notice.partition != shared.partition {
            return;
        }
        engine.counters.notices.add();
        shared.propagation.heard(notice.at, engine.clock.now());
        let Some(_turn) = shared.driver.turn(self.number) else {
            return;
        };
        let apply = || engine.apply(notice.at, &notice.change);
        if engine.fences.hear(notice.at, apply) == Heard::PollNow {
            engine.counters.gaps.add();
            self.is_due = true;
        }
    }

    fn sent(&mut self, is_sent: bool) {
        let rest = match &self.engine.shared {
            Some(shared) if !is_sent => shared.heartbeat(),
            _ => Duration::ZERO,
        };
        self.send_at = Instant::now() + rest;
    }
}
