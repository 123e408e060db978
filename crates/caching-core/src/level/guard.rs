//! The shared store behind its limits: no call waits longer, and a failing store is left alone.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::clock::Clock;
use crate::coherence::{Applied, Asof, Change, Partition};
use crate::config::L2Config;
use crate::level::breaker::{Breaker, Turn};
use crate::level::{
    Address, Claim, FillAnswer, L2, L2Error, L2ErrorKind, PollAnswer, PurgedAnswer, PutAnswer,
    ReadAnswer, Record,
};

/// The shared store behind its limits.
///
/// This is where its faults are judged: a failed read is a miss, a failed fill is forgotten, a failed
/// invalidation is queued. They are told when the store goes and when it comes back, not each time.
pub(crate) struct Guard {
    l2: Arc<dyn L2>,
    limits: L2Config,
    breaker: Breaker,
    is_away: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl Guard {
    pub(crate) fn new(l2: Arc<dyn L2>, limits: L2Config, clock: Arc<dyn Clock>) -> Self {
        Self {
            breaker: Breaker::new(limits.breaker_failures, limits.breaker_pause),
            l2,
            limits,
            is_away: AtomicBool::new(false),
            clock,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.l2.name()
    }

    pub(crate) fn limits(&self) -> &L2Config {
        &self.limits
    }

    /// How long a read may take in all: less where there is something stale to give.
    pub(crate) fn read_limit(&self, has_stale: bool) -> Duration {
        match has_stale {
            true => self.limits.read_soft_limit,
            false => self.limits.read_hard_limit,
        }
    }

    /// Whether the store is left alone at present.
    pub(crate) fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    pub(crate) async fn read(
        &self,
        address: Address<'_>,
        limit: Duration,
    ) -> Result<ReadAnswer, L2Error> {
        let call = self.l2.read(address).instrument(self.span("read"));
        self.within_what_is_left(limit, call).await
    }

    pub(crate) async fn read_many(
        &self,
        addresses: &[Address<'_>],
        limit: Duration,
    ) -> Result<Vec<ReadAnswer>, L2Error> {
        let call = self.l2.read_many(addresses);
        self.within_what_is_left(limit, call.instrument(self.span("read_many")))
            .await
    }

    pub(crate) async fn purged(
        &self,
        partition: Partition,
        groups: &[String],
        limit: Duration,
    ) -> Result<PurgedAnswer, L2Error> {
        let call = self.l2.purged(partition, groups);
        self.within_what_is_left(limit, call.instrument(self.span("purged")))
            .await
    }

    pub(crate) async fn claim(
        &self,
        address: Address<'_>,
        claim: Claim,
        at_most: Duration,
    ) -> Result<bool, L2Error> {
        let call = self.l2.claim(address, claim, at_most);
        self.within(
            self.limits.read_hard_limit,
            call.instrument(self.span("claim")),
        )
        .await
    }

    pub(crate) async fn release(&self, address: Address<'_>, claim: Claim) -> Result<(), L2Error> {
        let call = self.l2.release(address, claim);
        self.within(
            self.limits.write_limit,
            call.instrument(self.span("release")),
        )
        .await
    }

    pub(crate) async fn fill(
        &self,
        address: Address<'_>,
        record: &Record,
        asof: Asof,
        claim: Option<Claim>,
    ) -> Result<FillAnswer, L2Error> {
        let call = self.l2.fill(address, record, asof, claim);
        self.within(self.limits.write_limit, call.instrument(self.span("fill")))
            .await
    }

    pub(crate) async fn put(
        &self,
        address: Address<'_>,
        record: &Record,
        since: Option<Asof>,
    ) -> Result<PutAnswer, L2Error> {
        let call = self.l2.put(address, record, since);
        timed(self.write_limit(), call.instrument(self.span("put"))).await
    }

    pub(crate) async fn invalidate(
        &self,
        partition: Partition,
        change: &Change,
    ) -> Result<Applied, L2Error> {
        let call = self.l2.invalidate(partition, change);
        timed(self.write_limit(), call.instrument(self.span("invalidate"))).await
    }

    /// The span of a call. Polls have none: each second of each process has some.
    fn span(&self, operation: &'static str) -> Span {
        tracing::info_span!("cache.store", store = self.name(), operation)
    }

    /// How long a caller waits for a write to be told. It is tried in any case: that reads fail says
    /// nothing of writes. But one who writes to a store that is away is not kept for long.
    fn write_limit(&self) -> Duration {
        match self.is_away() {
            true => self.limits.read_soft_limit.min(self.limits.write_limit),
            false => self.limits.write_limit,
        }
    }

    /// Whether the last poll was not answered.
    pub(crate) fn is_away(&self) -> bool {
        // Relaxed: a hint by itself.
        self.is_away.load(Ordering::Relaxed)
    }

    /// Polls, whether the store is left alone or not: that it answers is how one finds out.
    pub(crate) async fn poll(
        &self,
        partition: Partition,
        known: Asof,
        limit: Duration,
    ) -> Result<PollAnswer, L2Error> {
        let answer = timed(limit, self.l2.poll(partition, known)).await;
        let was_away = self.is_away.swap(answer.is_err(), Ordering::Relaxed);
        // Back from an outage. Where polls are answered all the while, reads find out by themselves.
        if was_away && answer.is_ok() {
            self.tell(self.breaker.succeeded(), None);
        }
        answer
    }

    pub(crate) async fn close(&self) {
        self.l2.close().await;
    }

    /// Within what others have left of a limit. Where that is less than half of the shortest limit, its end
    /// says nothing of the store.
    async fn within_what_is_left<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, L2Error>>,
    ) -> Result<T, L2Error> {
        let shortest = self.read_limit(true).min(self.read_limit(false));
        // Half: it takes a moment to come here with a whole one.
        self.judged(limit, limit < shortest / 2, call).await
    }

    async fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, L2Error>>,
    ) -> Result<T, L2Error> {
        self.judged(limit, false, call).await
    }

    /// Leaves it to the breaker whether to call, and tells it what came of that.
    async fn judged<T>(
        &self,
        limit: Duration,
        is_cut_short: bool,
        call: impl Future<Output = Result<T, L2Error>>,
    ) -> Result<T, L2Error> {
        if !self.breaker.admits(self.clock.now()) {
            return Err(L2Error::new(
                L2ErrorKind::Unavailable,
                "it is left alone for a while, after failures in a row",
            ));
        }
        let answer = match timeout(limit, call).await {
            Ok(answer) => answer,
            Err(_) if is_cut_short => return Err(too_late(limit)),
            Err(_) => Err(too_late(limit)),
        };
        match &answer {
            Err(error) if error.kind.is_outage() => {
                self.tell(self.breaker.failed(self.clock.now()), Some(error));
            }
            // A store that refuses is there.
            _ => self.tell(self.breaker.succeeded(), None),
        }
        answer
    }

    fn tell(&self, turn: Turn, error: Option<&L2Error>) {
        let l2 = self.name();
        match (turn, error) {
            (Turn::Opened, Some(error)) => tracing::warn!(
                l2,
                %error,
                pause = ?self.limits.breaker_pause,
                "the shared store fails and is left alone for a while"
            ),
            (Turn::Closed, _) => tracing::info!(l2, "the shared store answers again"),
            _ => {}
        }
    }
}

impl L2ErrorKind {
    /// Whether the store was not there, as opposed to having refused.
    pub(crate) const fn is_outage(self) -> bool {
        matches!(self, Self::Unavailable | Self::Timeout)
    }
}

async fn timed<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, L2Error>>,
) -> Result<T, L2Error> {
    let answer = timeout(limit, call).await;
    answer.unwrap_or_else(|_| Err(too_late(limit)))
}

fn too_late(limit: Duration) -> L2Error {
    L2Error::new(L2ErrorKind::Timeout, format!("no answer within {limit:?}"))
}
